import { endpoints } from "../builders/endpoints.ts";
import type { ClusterLoadAssignment } from "../gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { MeshService } from "./model.ts";

/** Where a service is now. One that drains is chosen for nothing new; its running requests stay as they are. */
export function serviceEndpoints({ name, instances }: MeshService): ClusterLoadAssignment {
  const list = instances.map(({ address, port, zone, state }) => {
    return { address, port, zone, health: state === "draining" ? "draining" : "unknown" } as const;
  });
  return endpoints(name, list);
}
