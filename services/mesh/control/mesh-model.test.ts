import { EventAdminService } from "@ordermesh/proto/ordermesh/events/v1/admin_pb";
import { MeshService } from "@ordermesh/proto/ordermesh/mesh/v1/mesh_pb";
import { ConfigError } from "@ordermesh/runtime/config/config-error.ts";
import { loadRuntimeConfig } from "@ordermesh/runtime/config/runtime-config.ts";
import type { Instance } from "@ordermesh/runtime/discovery/instance.ts";
import { describe, expect, test } from "vitest";
import { meshOptions } from "../config.ts";
import type { MeshDefinition } from "../domain/definitions.ts";
import { meshModel } from "./mesh-model.ts";

const secret = "a-secret-of-at-least-32-characters";
const jwt = { NATS_URL: "nats://127.0.0.1", JWT_SECRET: secret, JWT_ISSUER: "shop", JWT_AUDIENCE: "ordermesh" };

const definition: MeshDefinition = {
  services: [
    { name: "events", rpcServices: [EventAdminService] },
    { name: "mesh", rpcServices: [MeshService] },
  ],
  rest: {
    service: "gateway",
    table: {
      routes: [
        { surface: "native", method: "GET", path: "/v1/things/*", isPublic: false, idempotent: true },
        { surface: "minishop", method: "GET", path: "/api/v1/orders/*", isPublic: false, idempotent: true },
        { surface: "minishop", method: "GET", path: "/api/v1/system/health", isPublic: true, idempotent: true },
      ],
      prefixes: [{ surface: "minishop", prefix: "/api/v1/orders" }],
    },
  },
  callers: { gateway: ["events"] },
  health: "events",
};

function load(env: Readonly<Record<string, string>> = {}) {
  return loadRuntimeConfig({ ...jwt, ...env }, { surfaces: ["minishop"], extra: meshOptions });
}

function model(env: Readonly<Record<string, string>> = {}, instances: readonly Instance[] = []) {
  return meshModel(load(env), definition, instances);
}

function instance(service: string, port: number): Instance {
  return {
    service,
    instanceId: `${service}-1`,
    rpcServices: [],
    address: "10.0.0.1",
    port,
    zone: "a",
    version: "1",
    protocols: ["h2"],
    startedAt: 0,
    state: "ready",
  };
}

describe("services", () => {
  test("have the instances that the registry names", () => {
    const { services } = model({}, [instance("events", 7001), instance("mesh", 7002)]);
    expect(services.map(({ name, instances }) => [name, instances.map(({ port }) => port)])).toEqual([
      ["events", [7001]],
      ["mesh", [7002]],
    ]);
  });

  test("that we do not know are left out", () => {
    const { services } = model({}, [instance("intruder", 7001)]);
    expect(services.flatMap(({ instances }) => instances)).toEqual([]);
  });

  test("have access, repetition and time of each method from its proto", () => {
    const methods = model({ DEFAULT_TIMEOUT_MS: "7000" }).services[0]?.rpcServices[0]?.methods;
    expect(methods?.find(({ name }) => name === "ListDeadLetters")).toEqual({
      name: "ListDeadLetters",
      access: "token",
      idempotent: true,
      timeoutMs: 7_000,
      streaming: false,
    });
    expect(methods?.find(({ name }) => name === "ReplayDeadLetter")?.idempotent).toBe(false);
  });
});

describe("REST", () => {
  const accessOf = (env: Readonly<Record<string, string>>, path: string) =>
    model(env).edge.rest?.routes.find((route) => route.path === path)?.access;

  test.each<readonly [string, string, string]>([
    ["jwt", "/v1/things/*", "token"],
    ["jwt", "/api/v1/orders/*", "optional"],
    ["jwt", "/api/v1/system/health", "public"],
    ["anonymous", "/v1/things/*", "token"],
    ["anonymous", "/api/v1/orders/*", "public"],
    ["jwt", "/", "public"],
  ])("surface %s: %s wants %s", (rule, path, access) => {
    expect(accessOf({ SURFACE_MINISHOP_AUTH: rule }, path)).toBe(access);
  });

  test("keys of a surface are the gateway's to judge", () => {
    const env = { SURFACE_MINISHOP_AUTH: "apikey", SURFACE_MINISHOP_API_KEYS: "a-key-of-at-least-32-characters-yes" };
    expect(accessOf(env, "/api/v1/orders/*")).toBe("public");
  });

  test("what lies below a surface's prefix wants what the surface wants", () => {
    expect(model({ SURFACE_MINISHOP_AUTH: "anonymous" }).edge.rest?.prefixes).toEqual([
      { prefix: "/api/v1/orders", access: "public" },
    ]);
  });
});

describe("tokens", () => {
  test("every secret counts while they are rotated", () => {
    const other = "another-secret-of-at-least-32-characters";
    expect(model({ JWT_SECRET: `${secret}\n${other}` }).edge.jwt).toEqual({
      issuer: "shop",
      audience: "ordermesh",
      keys: { secrets: [secret, other] },
    });
  });

  test("changed secrets are in the next model", () => {
    const config = load();
    if (config.jwt === undefined || !("secrets" in config.jwt.keys)) throw new Error("no secrets");
    config.jwt.keys.secrets.replace(["a-new-secret-of-at-least-32-characters"]);
    expect(meshModel(config, definition, []).edge.jwt?.keys).toEqual({
      secrets: ["a-new-secret-of-at-least-32-characters"],
    });
  });

  test("an issuer may publish its keys instead", () => {
    const config = loadRuntimeConfig(
      { NATS_URL: "nats://h", JWT_JWKS_URL: "https://login.example/keys", JWT_ISSUER: "shop", JWT_AUDIENCE: "a" },
      { surfaces: ["minishop"], extra: meshOptions },
    );
    expect(meshModel(config, definition, []).edge.jwt?.keys).toEqual({ jwksUrl: "https://login.example/keys" });
  });
});

test("the identity headers of old systems and of our own gateway are stripped", () => {
  const { strippedHeaders } = model().edge;
  for (const header of ["uuid", "x-user-uuid", "x-user-id", "x-jwt-user-uuid", "user-uuid", "user-id"]) {
    expect(strippedHeaders).toContain(header);
  }
  expect(strippedHeaders).toContain("x-ordermesh-principal");
});

test("callers and services are known by the names in their certificates", () => {
  const { services, inside } = model();
  expect(services[0]?.uri).toBe("spiffe://ordermesh.local/events");
  expect(inside?.callers).toEqual([{ uri: "spiffe://ordermesh.local/gateway", mayCall: ["events"] }]);
});

test("without certificates Envoy speaks plain text", () => {
  expect(model().identity).toBeUndefined();
  expect(model({ MESH_ENVOY_CERTS_DIR: "/certs" }).identity?.certificate.file).toBe(
    "/certs/envoy/certificate.sds.json",
  );
});

test.each(["*", "https://shop.example/", "shop.example", "https://*.shop.example/x"])(
  "%s is no origin of a page",
  (origin) => {
    expect(() => load({ MESH_ALLOWED_ORIGINS: origin })).toThrow(ConfigError);
  },
);
