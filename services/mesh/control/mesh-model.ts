import { join } from "node:path";
import type { DescMethod } from "@bufbuild/protobuf";
import type { RuntimeConfig } from "@ordermesh/runtime/config/runtime-config.ts";
import type { Instance } from "@ordermesh/runtime/discovery/instance.ts";
import { idempotencyKeyHeader, idempotentReplayedHeader } from "@ordermesh/runtime/rpc/interceptors/idempotency.ts";
import { Access as Policy, policyOf } from "@ordermesh/runtime/rpc/policy.ts";
import { peerUri } from "@ordermesh/runtime/tls/peer-name.ts";
import { certificateFolder } from "envoy-config-tools/mesh/certificate-folder.ts";
import type { Access, EdgePolicy, JwtProvider, MeshModel, RestPolicy } from "envoy-config-tools/mesh/model.ts";
import { rpcServiceOf } from "envoy-config-tools/mesh/rpc-service.ts";
import type { meshOptions } from "../config.ts";
import type { MeshDefinition, RestPath } from "../domain/definitions.ts";

export type MeshConfig = RuntimeConfig<typeof meshOptions>;

/** Headers that say who somebody is (docs/contracts/cfmp.md 4) or that only our own gateway may send. */
const identityHeaders = [
  "uuid",
  "x-user-uuid",
  "x-user-id",
  "x-jwt-user-uuid",
  "user-uuid",
  "user-id",
  "x-ordermesh-principal",
];

/** What the world has no business with; services would answer it to whoever asks. */
const insidePaths = ["/internal", "/metrics"];

/** What Envoy is to be told, from what the registry says now. Instances of services that we do not know are left out. */
export function meshModel(config: MeshConfig, mesh: MeshDefinition, instances: readonly Instance[]): MeshModel {
  const { values } = config;
  const folder = values.MESH_ENVOY_CERTS_DIR;
  const envoy = folder === undefined ? undefined : certificateFolder(join(folder, "envoy"));
  const rules = (method: DescMethod) => {
    const { access, defaultTimeoutMs = values.DEFAULT_TIMEOUT_MS } = policyOf(method);
    return { access: access === Policy.PUBLIC ? "public" : "token", timeoutMs: defaultTimeoutMs } as const;
  };
  return {
    services: mesh.services.map(({ name, rpcServices }) => ({
      name,
      uri: peerUri(name),
      rpcServices: rpcServices.map((service) => rpcServiceOf(service, rules)),
      instances: instances.filter(({ service }) => service === name),
      readyPath: "/readyz",
    })),
    edge: edgePolicy(config, mesh),
    inside: {
      listen: { address: values.MESH_LISTENER_HOST, port: values.MESH_LISTENER_PORT },
      callers: Object.entries(mesh.callers).map(([name, mayCall]) => ({ uri: peerUri(name), mayCall })),
      health: mesh.health,
    },
    identity: envoy,
    tracing:
      values.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? undefined
        : {
            collectorUrl: values.OTEL_EXPORTER_OTLP_ENDPOINT,
            serviceName: "envoy",
            sampleRatio: values.OTEL_TRACES_SAMPLER_ARG,
          },
    accessLog: values.MESH_ACCESS_LOG,
    idempotencyKeyHeader,
    maximumTimeoutMs: values.MAX_TIMEOUT_MS,
  };
}

function edgePolicy(config: MeshConfig, mesh: MeshDefinition): EdgePolicy {
  const { values } = config;
  const folder = values.MESH_ENVOY_CERTS_DIR;
  return {
    listen: { address: values.MESH_EDGE_HOST, port: values.MESH_EDGE_PORT },
    certificate: folder === undefined ? undefined : certificateFolder(join(folder, "edge")).certificate,
    jwt: jwtProvider(config),
    rest: restPolicy(config, mesh),
    refusedPaths: insidePaths,
    healthPath: "/healthz",
    allowedOrigins: values.MESH_ALLOWED_ORIGINS,
    allowedHeaders: ["x-api-key", idempotencyKeyHeader, "x-request-id"],
    exposedHeaders: [idempotentReplayedHeader, "x-request-id"],
    rateLimit: { requestsPerSecond: values.MESH_RATE_LIMIT_PER_SECOND, burst: values.MESH_RATE_LIMIT_BURST },
    strippedHeaders: identityHeaders,
    maxRequestBytes: values.MAX_REQUEST_BYTES,
  };
}

function jwtProvider({ jwt }: MeshConfig): JwtProvider | undefined {
  if (jwt?.issuer === undefined || jwt.audience === undefined) return undefined;
  const { keys, issuer, audience } = jwt;
  return {
    issuer,
    audience,
    keys: "jwksUrl" in keys ? { jwksUrl: keys.jwksUrl.href } : { secrets: keys.secrets.current },
  };
}

function restPolicy({ surfaces }: MeshConfig, { rest }: MeshDefinition): RestPolicy {
  const { routes, prefixes } = rest.table;
  const home: RestPath = { surface: "", method: "GET", path: "/", isPublic: true, idempotent: true };
  return {
    service: rest.service,
    routes: [home, ...routes].map(({ surface, method, path, isPublic, idempotent }) => ({
      method,
      path,
      access: isPublic ? "public" : accessOf(surface),
      idempotent,
    })),
    prefixes: prefixes.map(({ surface, prefix }) => ({ prefix, access: accessOf(surface) })),
  };

  /**
   * A surface that an operator opened by name takes everybody, or keys that only the gateway knows. One that wants tokens
   * refuses in its own words, and its old clients send them without `Bearer`, too: only a bad token is refused before.
   */
  function accessOf(surface: string): Access {
    const rule = surfaces[surface]?.rule;
    if (rule === undefined) return "token";
    return rule === "jwt" ? "optional" : "public";
  }
}
