import type { EdgePolicy, MeshModel } from "./model.ts";

/** A mesh, as far as it differs from `meshModel`'s defaults. */
export interface MeshOptions extends Partial<Omit<MeshModel, "services" | "edge">> {
  readonly services: MeshModel["services"];
  readonly edge: Partial<EdgePolicy> & Pick<EdgePolicy, "listen">;
}

/** Completes a model. Nothing is opened by a default: no origins, no REST, no inside listener. */
export function meshModel({ services, edge, ...rest }: MeshOptions): MeshModel {
  return {
    accessLog: "all",
    maximumTimeoutMs: 60_000,
    ...rest,
    services,
    edge: {
      refusedPaths: [],
      healthPath: "/healthz",
      allowedOrigins: [],
      allowedHeaders: [],
      exposedHeaders: [],
      // More than a client of one route has use for, less than what hurts.
      rateLimit: { requestsPerSecond: 1_000, burst: 2_000 },
      strippedHeaders: [],
      // What gRPC's own libraries take.
      maxRequestBytes: 4 * 1024 * 1024,
      ...edge,
    },
  };
}
