import type { gatewayOptions } from "@ordermesh/gateway/config.ts";
import { edgeRoutes } from "@ordermesh/gateway/edge-routes.ts";
import { meshServices, nativeServices } from "@ordermesh/gateway/native-services.ts";
import type { MeshConfig } from "@ordermesh/mesh/control/mesh-model.ts";
import type { MeshDefinition } from "@ordermesh/mesh/domain/definitions.ts";
import { createMesh, type MeshControlPlane, type MeshOptions } from "@ordermesh/mesh/index.ts";
import { Health } from "@ordermesh/proto/grpc/health/v1/health_pb";
import { ServerReflection } from "@ordermesh/proto/grpc/reflection/v1/reflection_pb";
import { ServerReflection as ServerReflectionV1Alpha } from "@ordermesh/proto/grpc/reflection/v1alpha/reflection_pb";
import type { RuntimeConfig } from "@ordermesh/runtime/config/runtime-config.ts";

type Config = MeshConfig & RuntimeConfig<typeof gatewayOptions>;

/** Our own mesh: who serves what, and who calls whom. */
export function meshDefinition(config: Config): MeshDefinition {
  return {
    services: [
      { name: "order", rpcServices: nativeServices },
      { name: "mesh", rpcServices: meshServices },
      // The gateway forwards every service, so its reflection describes them all.
      { name: "gateway", rpcServices: [Health, ServerReflection, ServerReflectionV1Alpha] },
    ],
    rest: { service: "gateway", table: edgeRoutes(config) },
    callers: { gateway: ["order", "mesh"], operator: ["mesh"] },
    health: "order",
  };
}

/** The control plane of this code's own services. */
export function createMeshRole(
  options: Omit<MeshOptions, "mesh"> & { readonly config: Config },
): Promise<MeshControlPlane> {
  return createMesh({ ...options, mesh: meshDefinition(options.config) });
}
