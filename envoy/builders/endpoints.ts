import { create, type JsonObject } from "@bufbuild/protobuf";
import { HealthStatus } from "../gen/envoy/config/core/v3/health_check_pb.js";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from "../gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { socketAddress } from "./values.ts";

/** One instance of a service. */
export interface Endpoint {
  /** IP address; a host name only where the cluster asks DNS. */
  readonly address: string;
  readonly port: number;
  /** @default "unknown": active checks decide */
  readonly health?: "unknown" | "healthy" | "draining" | "unhealthy" | "degraded";
  /** Instances of the caller's own zone are preferred where zones are configured. @default "" */
  readonly zone?: string;
  /** @default 1 */
  readonly weight?: number;
  /** Host name for health checks and for what asks for one. */
  readonly hostname?: string;
  /** Seen by operators, under `envoy.lb` also by subset load balancing. */
  readonly metadata?: Readonly<Record<string, JsonObject>>;
}

const healthStatus = {
  unknown: HealthStatus.UNKNOWN,
  healthy: HealthStatus.HEALTHY,
  draining: HealthStatus.DRAINING,
  unhealthy: HealthStatus.UNHEALTHY,
  degraded: HealthStatus.DEGRADED,
};

/** The endpoints of a cluster, by zone. Same endpoints, same message: the order of the list does not matter. */
export function endpoints(clusterName: string, list: readonly Endpoint[]): ClusterLoadAssignment {
  const zones = Map.groupBy([...list].sort(byAddress), ({ zone = "" }) => zone);
  return create(ClusterLoadAssignmentSchema, {
    clusterName,
    endpoints: [...zones].sort(byKey).map(([zone, members]) => ({
      ...(zone === "" ? {} : { locality: { zone } }),
      // Envoy ignores a locality of weight 0 as soon as localities are weighted.
      loadBalancingWeight: members.reduce((sum, { weight = 1 }) => sum + weight, 0),
      lbEndpoints: members.map(lbEndpoint),
    })),
  });
}

function lbEndpoint({ address, port, health = "unknown", weight, hostname = "", metadata }: Endpoint) {
  return {
    hostIdentifier: { case: "endpoint", value: { address: socketAddress(address, port), hostname } },
    healthStatus: healthStatus[health],
    ...(weight === undefined ? {} : { loadBalancingWeight: weight }),
    ...(metadata === undefined ? {} : { metadata: { filterMetadata: { ...metadata } } }),
  } as const;
}

function byAddress(a: Endpoint, b: Endpoint): number {
  return compare(a.address, b.address) || a.port - b.port;
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return compare(a, b);
}

/** By code units: the order must not depend on a machine's language. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
