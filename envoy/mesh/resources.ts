import type { SnapshotResources } from "../xds/snapshot.ts";
import { serviceClusters } from "./clusters.ts";
import { edgeListener, edgeRoutes } from "./edge-listener.ts";
import { serviceEndpoints } from "./endpoints.ts";
import { insideListener, insideRoutes } from "./inside-listener.ts";
import { jwksClusters } from "./jwt-keys.ts";
import type { MeshModel } from "./model.ts";
import { tracingClusters } from "./tracing.ts";

/** Everything that an Envoy of this mesh is to be told; the same model gives the same resources. */
export function meshResources(model: MeshModel): SnapshotResources {
  const { services, edge, inside, identity, tracing } = model;
  return {
    clusters: [
      ...services.flatMap((service) => serviceClusters(service, identity)),
      ...jwksClusters(edge.jwt?.keys),
      ...tracingClusters(tracing),
    ],
    endpoints: services.map(serviceEndpoints),
    listeners: [edgeListener(model), ...(inside === undefined ? [] : [insideListener(model, inside)])],
    routes: [edgeRoutes(model), ...(inside === undefined ? [] : [insideRoutes(model, inside)])],
  };
}
