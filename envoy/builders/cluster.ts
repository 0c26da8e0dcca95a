import { create } from "@bufbuild/protobuf";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
  Cluster_LbPolicy,
  ClusterSchema,
} from "../gen/envoy/config/cluster/v3/cluster_pb.js";
import type { HealthCheck } from "../gen/envoy/config/core/v3/health_check_pb.js";
import { type CircuitBreakerLimits, circuitBreakers } from "./circuit-breakers.ts";
import { type Endpoint, endpoints } from "./endpoints.ts";
import { upstreamHttp } from "./http-protocols.ts";
import { type OutlierDetectionOptions, outlierDetection } from "./outlier-detection.ts";
import { type UpstreamTlsOptions, upstreamTlsSocket } from "./tls.ts";
import { milliseconds, overAds } from "./values.ts";

export interface ClusterOptions {
  readonly name: string;
  /** What the endpoints speak: gRPC needs "http2". */
  readonly protocol: "http1" | "http2";
  /**
   * Where the endpoints come from: the xDS stream (by the cluster's own name unless `service` says otherwise), a fixed list
   * of IP addresses, or names that DNS is asked for again and again.
   */
  readonly endpoints:
    | { readonly from: "eds"; readonly service?: string }
    | { readonly from: "static" | "dns"; readonly list: readonly Endpoint[] };
  /** @default none: plain text */
  readonly tls?: UpstreamTlsOptions;
  /** @default 1,000: one round trip in a data centre takes a thousandth of it */
  readonly connectTimeoutMs?: number;
  /** @default 32,768: Envoy's guide for edge proxies; what is kept in memory for a slow reader */
  readonly bufferLimitBytes?: number;
  /** @default see `UpstreamHttpOptions` */
  readonly idleTimeoutMs?: number;
  readonly healthChecks?: readonly HealthCheck[];
  /** @default see `CircuitBreakerLimits` */
  readonly circuitBreakers?: CircuitBreakerLimits;
  /** @default see `OutlierDetectionOptions`; "off" where there is one endpoint and nowhere else to go */
  readonly outlierDetection?: OutlierDetectionOptions | "off";
}

/** A group of endpoints that can stand in for each other. */
export function cluster(options: ClusterOptions): Cluster {
  const { name, protocol, tls, idleTimeoutMs, connectTimeoutMs = 1_000, bufferLimitBytes = 32 * 1024 } = options;
  // Outlier detection is there unless refused: passive checks cost nothing and see what an active one does not.
  const outliers = options.outlierDetection === "off" ? undefined : outlierDetection(options.outlierDetection);
  return create(ClusterSchema, {
    name,
    ...discovery(options),
    connectTimeout: milliseconds(connectTimeoutMs),
    perConnectionBufferLimitBytes: bufferLimitBytes,
    // Between two endpoints drawn by lot, the one with fewer open requests: a slow one gets less.
    lbPolicy: Cluster_LbPolicy.LEAST_REQUEST,
    healthChecks: [...(options.healthChecks ?? [])],
    // An endpoint that discovery has withdrawn is draining, and must get no more requests though it still passes its checks.
    ignoreHealthOnHostRemoval: true,
    // A new endpoint counts neither as healthy nor as sick before it answered once.
    commonLbConfig: { ignoreNewHostsUntilFirstHc: true },
    circuitBreakers: circuitBreakers(options.circuitBreakers),
    ...(outliers === undefined ? {} : { outlierDetection: outliers }),
    typedExtensionProtocolOptions: upstreamHttp({ protocol, idleTimeoutMs }),
    ...(tls === undefined ? {} : { transportSocket: upstreamTlsSocket({ alpn: alpnOf(protocol), ...tls }) }),
  });
}

function alpnOf(protocol: ClusterOptions["protocol"]): readonly string[] {
  return protocol === "http2" ? ["h2"] : ["http/1.1"];
}

function discovery({ name, endpoints: source }: ClusterOptions) {
  if (source.from === "eds") {
    return {
      clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
      edsClusterConfig: { edsConfig: overAds, serviceName: source.service ?? "" },
    } as const;
  }
  const type = source.from === "dns" ? Cluster_DiscoveryType.STRICT_DNS : Cluster_DiscoveryType.STATIC;
  return {
    clusterDiscoveryType: { case: "type", value: type },
    loadAssignment: endpoints(name, source.list),
    // A name may have both kinds of addresses, and not both may be reachable.
    ...(source.from === "dns" ? { dnsLookupFamily: Cluster_DnsLookupFamily.ALL } : {}),
  } as const;
}
