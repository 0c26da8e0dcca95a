import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gatewayOptions, legacySurfaces } from "@ordermesh/gateway/config.ts";
import { meshOptions } from "@ordermesh/mesh/config.ts";
import { orderOptions } from "@ordermesh/order/config.ts";
import { ConfigError } from "@ordermesh/runtime/config/config-error.ts";
import { fileVariable } from "@ordermesh/runtime/config/option.ts";
import { loadRuntimeConfig, runtimeDefinition } from "@ordermesh/runtime/config/runtime-config.ts";
import { surfaceVariable } from "@ordermesh/runtime/config/runtime-options.ts";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "../support/temporary.ts";
import { type ComposeModel, loadModel, repository, required } from "./model.ts";

const model = loadModel();

/** The override that docs/containers.md shows. */
function withPublishedKeys(): ComposeModel {
  const [, yaml = ""] =
    /```yaml\n([\s\S]*?)```/.exec(readFileSync(join(repository, "docs/containers.md"), "utf8")) ?? [];
  const file = join(temporaryDirectory("override"), "compose.override.yaml");
  writeFileSync(file, yaml);
  return loadModel(required, { overrides: [file] });
}

/** Containers that read the configuration of the services. */
const programs = ["order", "gateway", "mesh", "migrate"] as const;
const ownOptions = { ...gatewayOptions, ...orderOptions, ...meshOptions };
const definition = { ...runtimeDefinition(legacySurfaces), ...ownOptions };
const known = new Set(
  Object.entries(definition).flatMap(([name, option]) => [name, fileVariable(name, option) ?? name]),
);

function environmentOf(program: string, { services }: ComposeModel = model): Record<string, string> {
  return Object.fromEntries(
    Object.entries(services[program]?.environment ?? {}).map(([name, value]) => [name, value ?? ""]),
  );
}

/** A secret's path in a container, as a file here. */
function withSecrets(environment: Readonly<Record<string, string>>): Record<string, string> {
  const directory = temporaryDirectory("secrets");
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => {
      if (!value.startsWith("/run/secrets/")) return [name, value];
      const file = join(directory, value.slice("/run/secrets/".length));
      writeFileSync(
        file,
        value.endsWith("_url") ? "mysql://order:secret@database:3306/ordermesh_order" : `${value}-`.repeat(2),
      );
      return [name, file];
    }),
  );
}

/** What a program says of its environment: nothing, or its problems. */
function problemsOf(environment: Readonly<Record<string, string>>): string {
  try {
    loadRuntimeConfig(environment, { surfaces: legacySurfaces, extra: ownOptions });
    return "";
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

describe.each(programs)("%s", (program) => {
  test("gets options that exist", () => {
    expect(Object.keys(environmentOf(program)).filter((name) => !known.has(name))).toEqual([]);
  });

  test("gets all that it needs", () => {
    const environment = withSecrets(environmentOf(program));
    // As deploy/service.ts finds it in the container.
    expect(problemsOf({ ...environment, ADVERTISE_HOST: "172.18.0.5" })).toBe("");
  });

  test("can do with the keys that an issuer publishes", () => {
    const environment = withSecrets(environmentOf(program, withPublishedKeys()));
    expect(environment.JWT_JWKS_URL).toMatch(/^https:/);
    expect(problemsOf({ ...environment, ADVERTISE_HOST: "172.18.0.5" })).toBe("");
  });

  test("speaks mTLS to everybody", () => {
    const environment = environmentOf(program);
    expect(environment).toMatchObject({ TLS_CERT_FILE: "/certs/tls.crt", NATS_URL: "tls://nats:4222", AUTH: "jwt" });
    if (environment.DATABASE_URL_FILE !== undefined) expect(environment.DATABASE_TLS).toBe("true");
  });
});

test("the operator's choices reach the programs", () => {
  const chosen = {
    LOG_LEVEL: "warn",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://jaeger:4318",
    SURFACE_MINISHOP_AUTH: "anonymous",
    MESH_ALLOWED_ORIGINS: "https://shop.example",
  };
  const { services } = loadModel({ ...required, ...chosen });
  expect(services.mesh?.environment).toMatchObject(chosen);
  expect(services.gateway?.environment).toMatchObject({ SURFACE_MINISHOP_AUTH: "anonymous" });
});

test("every older system's surface can be opened, to the gateway and to the edge alike", () => {
  for (const surface of legacySurfaces) {
    for (const option of ["AUTH", "API_KEYS"]) {
      const name = surfaceVariable(surface, option);
      expect(Object.keys(environmentOf("gateway"))).toContain(name);
      expect(Object.keys(environmentOf("mesh"))).toContain(name);
    }
  }
});

test("services and Envoy agree about ports", () => {
  const { mesh, gateway } = { mesh: environmentOf("mesh"), gateway: environmentOf("gateway") };
  expect(gateway.ORDER_URL).toBe(`https://envoy:${mesh.MESH_LISTENER_PORT}`);
  expect(model.services.envoy?.ports).toMatchObject([{ target: Number(mesh.MESH_EDGE_PORT) }]);
});

test("with an issuer's published keys programs have a way out, beside the inner network", () => {
  const { services } = withPublishedKeys();
  for (const name of ["order", "gateway"])
    expect(Object.keys(services[name]?.networks ?? {}).toSorted()).toEqual(["edge", "inside"]);
});
