import type { MessageInitShape } from "@bufbuild/protobuf";
import { packAny } from "../any.ts";
import { OpenTelemetryConfigSchema } from "../gen/envoy/config/trace/v3/opentelemetry_pb.js";
import type { HttpConnectionManager_TracingSchema } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { milliseconds } from "./values.ts";

export interface TracingOptions {
  /** Name of this proxy in traces. */
  readonly serviceName: string;
  /** The collector: OTLP over gRPC or HTTP through a cluster. */
  readonly collector:
    | { readonly cluster: string; readonly protocol: "grpc" }
    | { readonly cluster: string; readonly protocol: "http"; readonly url: string };
  /** Share of requests that begin a trace, in percent. A trace that somebody else began goes on as they decided. */
  readonly samplePercent: number;
}

/** OpenTelemetry spans of every traced request, in and out. */
export function tracing(options: TracingOptions): MessageInitShape<typeof HttpConnectionManager_TracingSchema> {
  const { serviceName, samplePercent } = options;
  const config = packAny(OpenTelemetryConfigSchema, { serviceName, ...exporter(options) });
  return {
    randomSampling: { value: samplePercent },
    overallSampling: { value: 100 },
    // x-client-trace-id is for friends: a stranger does not decide how much is recorded.
    clientSampling: { value: 0 },
    // Retries show as spans of their own.
    spawnUpstreamSpan: true,
    maxPathTagLength: 256,
    provider: { name: "envoy.tracers.opentelemetry", configType: { case: "typedConfig", value: config } },
  };
}

function exporter({ collector }: TracingOptions): MessageInitShape<typeof OpenTelemetryConfigSchema> {
  const timeout = milliseconds(5_000);
  if (collector.protocol === "grpc") {
    const value = { clusterName: collector.cluster };
    return { grpcService: { targetSpecifier: { case: "envoyGrpc", value }, timeout } };
  }
  const httpUpstreamType = { case: "cluster", value: collector.cluster } as const;
  return { httpService: { httpUri: { uri: collector.url, httpUpstreamType, timeout } } };
}
