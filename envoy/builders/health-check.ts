import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type HealthCheck, HealthCheckSchema } from "../gen/envoy/config/core/v3/health_check_pb.js";
import { CodecClientType } from "../gen/envoy/type/v3/http_pb.js";
import { milliseconds } from "./values.ts";

export interface HealthCheckOptions {
  /** @default 1,000: a healthy service answers at once, even a busy one */
  readonly timeoutMs?: number;
  /** @default 5,000: often enough to notice within a few seconds, rare enough to cost nothing */
  readonly intervalMs?: number;
  /** @default 3: one lost answer is no outage */
  readonly unhealthyThreshold?: number;
  /** @default 2: one answer may be luck */
  readonly healthyThreshold?: number;
}

/** Active check by the standard gRPC health service. An empty service name asks for the server as a whole. */
export function grpcHealthCheck(options: HealthCheckOptions & { readonly serviceName?: string } = {}): HealthCheck {
  const value = { serviceName: options.serviceName ?? "" };
  return healthCheck(options, { case: "grpcHealthCheck", value });
}

/** Active check by GET: 200 is healthy. */
export function httpHealthCheck(
  options: HealthCheckOptions & {
    readonly path: string;
    /** @default "http1" */
    readonly protocol?: "http1" | "http2";
    /** Host header. @default the cluster's name */
    readonly host?: string;
  },
): HealthCheck {
  const codecClientType = options.protocol === "http2" ? CodecClientType.HTTP2 : CodecClientType.HTTP1;
  const value = { path: options.path, host: options.host ?? "", codecClientType };
  return healthCheck(options, { case: "httpHealthCheck", value });
}

function healthCheck(
  options: HealthCheckOptions,
  healthChecker: MessageInitShape<typeof HealthCheckSchema>["healthChecker"],
): HealthCheck {
  const interval = options.intervalMs ?? 5_000;
  return create(HealthCheckSchema, {
    healthChecker,
    timeout: milliseconds(options.timeoutMs ?? 1_000),
    interval: milliseconds(interval),
    // Proxies started together do not ask together.
    intervalJitterPercent: 10,
    // A cluster without traffic is asked as often as one with: Envoy's default of a minute would send the first request
    // of a quiet morning to an endpoint that died in the night.
    noTrafficInterval: milliseconds(interval),
    // An endpoint that came back is used as soon as the interval allows.
    unhealthyEdgeInterval: milliseconds(Math.min(interval, 1_000)),
    unhealthyThreshold: options.unhealthyThreshold ?? 3,
    healthyThreshold: options.healthyThreshold ?? 2,
    reuseConnection: true,
  });
}
