import { create } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { bootstrap } from "../builders/bootstrap.ts";
import { BootstrapSchema } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { HealthStatus } from "../gen/envoy/config/core/v3/health_check_pb.js";
import { JwtAuthenticationSchema } from "../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { HttpConnectionManagerSchema } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { UpstreamTlsContextSchema } from "../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { ClusterDiscoveryService } from "../gen/envoy/service/cluster/v3/cds_pb.js";
import { renderJson } from "../render/render.ts";
import { staticConfig } from "../render/static-config.ts";
import { requireEnvoy } from "../testing/envoy.ts";
import { assertValid } from "../validate/config.ts";
import { askEnvoy } from "../validate/envoy.ts";
import { typeUrls } from "../xds/resource-type.ts";
import { createSnapshot } from "../xds/snapshot.ts";
import type { MeshModel } from "./model.ts";
import { meshResources } from "./resources.ts";
import { rpcServiceOf } from "./rpc-service.ts";
import { shop, withEdge } from "./testing/shop.ts";

function httpOf(model: MeshModel, name: string) {
  const listener = meshResources(model).listeners?.find((one) => one.name === name);
  const configs = listener?.filterChains.flatMap(({ filters }) =>
    filters.flatMap(({ configType }) => (configType.case === "typedConfig" ? configType.value : [])),
  );
  for (const config of configs ?? []) {
    const http = anyUnpack(config, HttpConnectionManagerSchema);
    if (http !== undefined) return http;
  }
  throw new Error(`no listener ${name}`);
}

function clusterOf(model: MeshModel, name: string) {
  return meshResources(model).clusters?.find((one) => one.name === name);
}

describe("endpoints", () => {
  test("one that drains is told so, in its zone", () => {
    const [carts] = meshResources(shop).endpoints ?? [];
    const all = carts?.endpoints.map(({ locality, lbEndpoints }) => [locality?.zone, lbEndpoints[0]?.healthStatus]);
    expect(all).toEqual([
      ["a", HealthStatus.UNKNOWN],
      ["b", HealthStatus.DRAINING],
    ]);
  });

  test("both clusters of a service share them", () => {
    const names = ["carts", "carts.http1"].map((name) => clusterOf(shop, name)?.edsClusterConfig?.serviceName);
    expect(names).toEqual(["carts", "carts"]);
  });
});

describe("clusters", () => {
  test("a service's certificate must carry its own name", () => {
    const socket = clusterOf(shop, "carts")?.transportSocket?.configType;
    const tls = socket?.value && anyUnpack(socket.value, UpstreamTlsContextSchema);
    const validation = tls?.commonTlsContext?.validationContextType;
    if (validation?.case !== "combinedValidationContext") throw new Error("no validation");
    const names = validation.value.defaultValidationContext?.matchTypedSubjectAltNames.map(({ matcher }) => matcher);
    expect(names).toMatchObject([{ matchPattern: { case: "exact", value: "spiffe://shop.example/carts" } }]);
  });

  test("a service without a name to know it by is refused", () => {
    const services = shop.services.map((service) => ({ ...service, uri: undefined }));
    expect(() => meshResources({ ...shop, services })).toThrow("service carts has no URI");
  });

  test("nobody well means nobody is asked, and news of health counts at once", () => {
    const balancing = clusterOf(shop, "carts.http1")?.commonLbConfig;
    expect(balancing?.healthyPanicThreshold?.value).toBe(0);
    expect(balancing?.updateMergeWindow).toMatchObject({ seconds: 0n, nanos: 0 });
  });

  test("retries have a budget, and how much is left can be seen", () => {
    const thresholds = clusterOf(shop, "carts")?.circuitBreakers?.thresholds;
    expect(
      thresholds?.map(({ retryBudget, trackRemaining }) => [retryBudget?.budgetPercent?.value, trackRemaining]),
    ).toEqual([
      [20, true],
      [20, true],
    ]);
  });
});

describe("the edge", () => {
  test("its filters stand in the order that works", () => {
    const names = httpOf(shop, "edge").httpFilters.map(({ name }) => name.replace("envoy.filters.http.", ""));
    expect(names).toEqual([
      "health_check",
      "cors",
      "jwt_authn",
      "local_ratelimit",
      "admission_control",
      "buffer",
      "grpc_web",
      "router",
    ]);
  });

  test("a secret is a key of HS256 and of nothing else, with issuer, audience and expiry", () => {
    const filter = httpOf(shop, "edge").httpFilters.find(({ name }) => name.endsWith("jwt_authn"));
    const config = filter?.configType.case === "typedConfig" ? filter.configType.value : undefined;
    const provider = config && anyUnpack(config, JwtAuthenticationSchema)?.providers.issuer;
    expect(provider).toMatchObject({
      issuer: "https://login.example",
      audiences: ["shop"],
      requireExpiration: true,
      forward: true,
      clockSkewSeconds: 60,
    });
    const source = provider?.jwksSourceSpecifier;
    const inline = source?.case === "localJwks" ? source.value.specifier.value : undefined;
    const k = Buffer.from("a secret of thirty-two characters").toString("base64url");
    expect(JSON.parse(String(inline))).toEqual({ keys: [{ kty: "oct", use: "sig", alg: "HS256", k }] });
  });

  test("public keys are fetched from their issuer, whose name its certificate must carry", () => {
    const jwt = { issuer: "i", audience: "a", keys: { jwksUrl: "https://login.example/keys" } };
    const socket = clusterOf(withEdge({ jwt }), "jwks")?.transportSocket?.configType;
    const tls = socket?.value && anyUnpack(socket.value, UpstreamTlsContextSchema);
    expect(tls?.sni).toBe("login.example");
  });

  test("inside headers are removed before anything looks at a request", () => {
    expect(httpOf(shop, "edge").earlyHeaderMutationExtensions).toHaveLength(1);
  });

  test("paths arrive as the REST service needs them: escaped slashes and empty segments kept, dots resolved", () => {
    const { pathWithEscapedSlashesAction, mergeSlashes, normalizePath } = httpOf(shop, "edge");
    expect({ pathWithEscapedSlashesAction, mergeSlashes, normalizePath }).toEqual({
      pathWithEscapedSlashesAction: 1,
      mergeSlashes: false,
      normalizePath: true,
    });
  });

  test("without certificate, issuer and tracing it is plain and open, and says nothing of them", () => {
    const model: MeshModel = {
      ...withEdge({ certificate: undefined, jwt: undefined, allowedOrigins: [] }),
      identity: undefined,
      tracing: undefined,
      inside: undefined,
    };
    const text = JSON.stringify(httpOf(model, "edge").httpFilters.map(({ name }) => name));
    expect(text).not.toMatch(/jwt|cors/);
    expect(meshResources(model).listeners?.map(({ filterChains }) => filterChains[0]?.transportSocket)).toEqual([
      undefined,
    ]);
  });
});

test("no secret and no key but those of tokens is in it", () => {
  expect(createSnapshot(meshResources(shop)).resources(typeUrls.secret).size).toBe(0);
});

test("the same model has the same versions, in every process", () => {
  const types = [typeUrls.cluster, typeUrls.endpoint, typeUrls.listener, typeUrls.route];
  const versions = () => types.map((type) => createSnapshot(meshResources(shop)).version(type));
  expect(versions()).toEqual(versions());
});

test("everything that is referred to is there", () => {
  expect(createSnapshot(meshResources(shop)).inconsistencies()).toEqual([]);
});

test("a descriptor says what may be repeated and what streams", () => {
  const service = rpcServiceOf(ClusterDiscoveryService, () => ({ access: "token", timeoutMs: 1_000 }));
  expect(service.methods.map(({ name, idempotent, streaming }) => [name, idempotent, streaming])).toEqual([
    ["StreamClusters", false, true],
    ["DeltaClusters", false, true],
    ["FetchClusters", false, false],
  ]);
});

describe.each<readonly [string, MeshModel]>([
  ["everything", withoutFiles()],
  ["plain", { ...withoutFiles({ jwt: undefined, allowedOrigins: [] }), tracing: undefined }],
  [
    "public keys",
    withoutFiles({ jwt: { issuer: "i", audience: "a", keys: { jwksUrl: "https://login.example/keys" } } }),
  ],
])("%s", (_name, model) => {
  const config = staticConfig(
    bootstrap({ node: { id: "test", cluster: "test" }, admin: { port: 0 } }),
    meshResources(model),
  );

  test("keeps the rules of Envoy's protos", () => {
    expect(() => assertValid(BootstrapSchema, create(BootstrapSchema, config))).not.toThrow();
  });

  test("is taken by Envoy", async () => {
    expect(await askEnvoy(requireEnvoy(), config)).toMatchObject({ accepted: true });
  }, 60_000);

  test("can be written", () => {
    expect(renderJson(BootstrapSchema, config)).toContain("shop.v1.Carts/Get grpc");
  });
});

/** Envoy looks for files of secrets when it starts; live tests have them. */
function withoutFiles(edge: Partial<MeshModel["edge"]> = {}): MeshModel {
  return { ...withEdge({ certificate: undefined, ...edge }), identity: undefined };
}
