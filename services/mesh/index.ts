import type { JwtOptions } from "@ordermesh/runtime/auth/jwt.ts";
import { watchRegistry } from "@ordermesh/runtime/discovery/watch-registry.ts";
import type { Part } from "@ordermesh/runtime/lifecycle/lifecycle.ts";
import type { Readiness } from "@ordermesh/runtime/lifecycle/readiness.ts";
import { StartupError, toStartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import type { ServiceBinding } from "@ordermesh/runtime/rpc/service.ts";
import type { Logger } from "@ordermesh/runtime/telemetry/logger.ts";
import type { Metrics } from "@ordermesh/runtime/telemetry/metrics.ts";
import type { TlsIdentity } from "@ordermesh/runtime/tls/identity.ts";
import { peerNameOf } from "@ordermesh/runtime/tls/peer-name.ts";
import { meshResources } from "envoy-config-tools/mesh/resources.ts";
import { type ControlPlane, type ControlPlaneEvent, createControlPlane } from "envoy-config-tools/xds/control-plane.ts";
import { type ListeningServer, listen } from "envoy-config-tools/xds/listen.ts";
import { createSnapshot, type Snapshot } from "envoy-config-tools/xds/snapshot.ts";
import { createMeshMetrics } from "./control/mesh-metrics.ts";
import { type MeshConfig, meshModel } from "./control/mesh-model.ts";
import type { MeshDefinition } from "./domain/definitions.ts";
import { Proxies } from "./domain/proxies.ts";
import { type MeshView, meshService } from "./rpc/mesh-service.ts";

export interface MeshOptions {
  readonly config: MeshConfig;
  /** What the mesh consists of, as the protos have it. */
  readonly mesh: MeshDefinition;
  /** Where it is set, Envoy must show its own certificate to be told anything. */
  readonly identity?: TlsIdentity;
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  readonly log: Logger;
}

export interface MeshControlPlane {
  readonly bindings: readonly ServiceBinding[];
  /** To be started in this order. */
  readonly parts: readonly Part[];
}

/** The name in Envoy's certificate. */
const proxyName = "envoy";

/**
 * The control plane: what the registry says becomes what Envoy does, at once and for as long as it runs. Resolves when the
 * registry's state is known, so that a restart never takes endpoints away from an Envoy that has them. Throws StartupError.
 */
export async function createMesh(options: MeshOptions): Promise<MeshControlPlane> {
  const { config, mesh, identity, readiness, metrics, log } = options;
  const { NATS_URL: natsUrl, HOST: host, MESH_XDS_PORT: port } = config.values;
  if (natsUrl === undefined)
    throw new StartupError("the control plane reads the registry, which is in NATS", "set NATS_URL");

  const registry = await watchRegistry({ natsUrl, tls: config.tls?.files, log });
  const build = () => createSnapshot(meshResources(meshModel(config, mesh, registry.instances)));
  let snapshot: Snapshot = build();
  let count: (event: ControlPlaneEvent) => void = () => {};
  const controlPlane = createControlPlane({ log, onEvent: (event) => count(event) });
  controlPlane.setSnapshot(snapshot);
  const proxies = new Proxies(() => controlPlane.status());
  const view: MeshView = {
    definitions: mesh.services,
    instances: () => registry.instances,
    snapshot: () => snapshot,
    proxies: () => proxies.list(),
    registryProblem: () => (registry.isCurrent() ? undefined : "the registry does not answer"),
  };
  count = createMeshMetrics(metrics, view);
  readiness.add("registry", view.registryProblem);

  function publish(): void {
    snapshot = build();
    controlPlane.setSnapshot(snapshot);
  }
  const endings = [registry.onChange(publish), onNewSecrets(config.jwt, publish)];
  return {
    bindings: [meshService(view)],
    parts: [
      {
        name: "registry",
        stop: async () => {
          for (const end of endings) end();
          await registry.close();
        },
      },
      xdsPort({ controlPlane, host, port, identity, log }),
    ],
  };
}

/** Secrets of tokens are part of what Envoy is told. */
function onNewSecrets(jwt: JwtOptions | undefined, publish: () => void): () => void {
  return jwt !== undefined && "secrets" in jwt.keys ? jwt.keys.secrets.onChange(publish) : () => {};
}

interface XdsPortOptions {
  readonly controlPlane: ControlPlane;
  readonly host: string;
  readonly port: number;
  readonly identity: TlsIdentity | undefined;
  readonly log: Logger;
}

function xdsPort({ controlPlane, host, port, identity, log }: XdsPortOptions): Part {
  let server: ListeningServer | undefined;
  let unwatch: (() => void) | undefined;
  return {
    name: "xDS port",
    async start() {
      const isAllowed = (names: readonly string[]) => peerNameOf(names.join(", ")) === proxyName;
      const tls = identity && { ...identity.current, isAllowed };
      try {
        server = await listen({ host, port, routes: controlPlane.routes, tls });
      } catch (error) {
        throw toStartupError(error, `listen on ${host}:${port} (MESH_XDS_PORT)`) ?? error;
      }
      unwatch = identity?.onChange(() => server?.setCertificate(identity.current));
      log.info({ host, port: server.port, tls: identity !== undefined }, "serving xDS");
    },
    async stop() {
      unwatch?.();
      controlPlane.close();
      await server?.close();
    },
  };
}
