import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { ConfigError } from "./config-error.ts";
import { defineConfig, option } from "./option.ts";
import { configMarkdown, printConfig } from "./print-config.ts";
import { loadRuntimeConfig, runtimeDefinition } from "./runtime-config.ts";
import { integer } from "./values.ts";

const secret = "0123456789abcdef0123456789abcdef";
const tokens = { JWT_SECRET: secret, JWT_ISSUER: "https://issuer.test", JWT_AUDIENCE: "ordermesh" };
const mesh = { DATABASE_URL: "mysql://root@db/orders", NATS_URL: "nats://a:4222,nats://b:4222" };
const surfaces = ["ordertracker", "minishop"];

function load(env: Record<string, string> = {}) {
  return loadRuntimeConfig(env, { surfaces });
}

function problems(env: Record<string, string>): string[] {
  try {
    load(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).problems.map(({ name, what }) => `${name} ${what}`);
  }
  return [];
}

describe("without any variable", () => {
  test("it is embedded on loopback, open, with the documented names", () => {
    const { values, embedded, auth, jwt } = load();
    const effective: "open" | "jwt" = values.AUTH;
    expect(effective).toBe(auth);
    expect({ embedded, auth, jwt }).toEqual({ embedded: true, auth: "open", jwt: undefined });
    expect(values).toMatchObject({
      HOST: "127.0.0.1",
      PORT: 8080,
      DATA_DIR: "data",
      AUTH: "open",
      LOG_FORMAT: "pretty",
    });
  });

  test("surfaces follow AUTH, in CNY, masked, on the shared port", () => {
    expect(load().surfaces).toEqual({
      ordertracker: { rule: "open", apiKeys: [], seesPersonalData: false, currency: "CNY", port: undefined },
      minishop: { rule: "open", apiKeys: [], seesPersonalData: false, currency: "CNY", port: undefined },
    });
  });
});

describe("AUTH", () => {
  test("is jwt by default with a database server or a broker, or beyond loopback", () => {
    const variants: Record<string, string>[] = [
      { DATABASE_URL: mesh.DATABASE_URL },
      { NATS_URL: mesh.NATS_URL },
      { HOST: "0.0.0.0" },
    ];
    for (const env of variants) {
      expect(load({ ...tokens, ...env }).auth).toBe("jwt");
    }
  });

  test("may be open with a database server, but not beyond loopback", () => {
    expect(load({ ...mesh, AUTH: "open" }).auth).toBe("open");
    for (const HOST of ["0.0.0.0", "::", "192.168.1.7", "example.test"]) {
      expect(problems({ AUTH: "open", HOST })).toEqual([
        `AUTH open would make everybody who reaches ${HOST} an administrator`,
      ]);
    }
  });

  test("jwt needs keys, an issuer and an audience, and says why it is jwt", () => {
    expect(problems({ AUTH: "jwt" })).toEqual([
      "JWT_SECRET is unset, and AUTH is jwt",
      "JWT_ISSUER is unset, and AUTH is jwt",
      "JWT_AUDIENCE is unset, and AUTH is jwt",
    ]);
    expect(problems(mesh)[0]).toBe("JWT_SECRET is unset, and AUTH is jwt unless embedded");
    expect(problems({ HOST: "0.0.0.0" })[0]).toBe("JWT_SECRET is unset, and AUTH is jwt because HOST is not loopback");
  });

  test("a short secret is one problem, not two", () => {
    expect(problems({ ...tokens, AUTH: "jwt", JWT_SECRET: "short" })).toEqual([
      "JWT_SECRET secret 1 has less than 32 bytes",
    ]);
  });

  test("keys are a secret or a JWKS, not both", () => {
    expect(load({ ...tokens, AUTH: "jwt" }).jwt?.keys).toMatchObject({ secrets: { current: [secret] } });
    const jwks = { ...tokens, JWT_SECRET: "", JWT_JWKS_URL: "https://issuer.test/keys" };
    expect(load({ ...jwks, AUTH: "jwt" }).jwt?.keys).toEqual({ jwksUrl: new URL("https://issuer.test/keys") });
    expect(problems({ ...jwks, JWT_SECRET: secret })).toEqual(["JWT_SECRET is set, and so is JWT_JWKS_URL"]);
  });
});

describe("certificates", () => {
  const files = { TLS_CERT_FILE: "tls.crt", TLS_KEY_FILE: "tls.key", TLS_CA_FILE: "ca.crt" };
  const tls = { ...files, TLS_PEERS: "envoy, operator" };

  test("are three files and who may call", () => {
    expect(load({ ...tokens, ...tls }).tls).toEqual({
      files: { cert: "tls.crt", key: "tls.key", ca: "ca.crt" },
      peers: ["envoy", "operator"],
    });
    expect(load().tls).toBeUndefined();
  });

  test("are all set, or none", () => {
    expect(problems({ ...tokens, ...files })).toEqual(["TLS_PEERS is unset, and TLS_CERT_FILE is set"]);
    expect(problems({ ...tokens, TLS_PEERS: "envoy" })).toEqual([
      "TLS_CERT_FILE is unset, and TLS_PEERS is set",
      "TLS_KEY_FILE is unset, and TLS_PEERS is set",
      "TLS_CA_FILE is unset, and TLS_PEERS is set",
    ]);
  });

  test("name peers by their names", () => {
    expect(problems({ ...tokens, ...tls, TLS_PEERS: "envoy,spiffe://x/y" })).toEqual([
      'TLS_PEERS "envoy,spiffe://x/y" is not valid',
    ]);
  });

  test("let others in, who need a token then", () => {
    expect(load({ ...tokens, ...tls }).auth).toBe("jwt");
    expect(problems(tls)[0]).toBe("JWT_SECRET is unset, and AUTH is jwt because TLS_CERT_FILE is set");
    expect(problems({ ...tls, AUTH: "open" })).toEqual([
      "AUTH open would make everybody whom a peer lets through an administrator",
    ]);
  });

  test("secure the database, where there is one that does not say otherwise", () => {
    expect(load({ ...tokens, ...tls, ...mesh, DATABASE_TLS: "true" }).values.DATABASE_TLS).toBe("true");
    expect(problems({ ...tokens, DATABASE_TLS: "true" })).toEqual([
      "DATABASE_URL is unset, and DATABASE_TLS is true",
      "TLS_CERT_FILE is unset, and DATABASE_TLS is true",
    ]);
    const own = { ...mesh, DATABASE_URL: `${mesh.DATABASE_URL}?sslmode=require` };
    expect(problems({ ...tokens, ...tls, ...own, DATABASE_TLS: "true" })).toEqual([
      "DATABASE_URL has sslmode, and DATABASE_TLS is true",
    ]);
  });
});

describe("the registry", () => {
  test("is in NATS", () => {
    expect(problems({ MESH_REGISTRY: "true" })).toEqual(["NATS_URL is unset, and MESH_REGISTRY is true"]);
  });

  test.each(["0.0.0.0", "::", "[::]"])("names an address that others can call, which %s is not", (HOST) => {
    const env = { ...tokens, ...mesh, MESH_REGISTRY: "true", HOST };
    expect(problems(env)).toEqual([
      `ADVERTISE_HOST is unset, and nobody can call ${HOST}, which MESH_REGISTRY would register`,
    ]);
    expect(problems({ ...env, ADVERTISE_HOST: "order-1" })).toEqual([]);
  });
});

describe("secrets", () => {
  const next = "fedcba9876543210fedcba9876543210";

  test("may be several, one a line, and are of files that are watched", () => {
    const file = join(mkdtempSync(join(tmpdir(), "ordermesh-secret-")), "secret");
    writeFileSync(file, `${next}\n${secret}\n`);
    const { serviceTokens, secretFiles } = load({ SERVICE_TOKEN_SECRET_FILE: file });
    expect(serviceTokens?.current).toEqual([next, secret]);
    expect(secretFiles).toEqual([{ name: "SERVICE_TOKEN_SECRET", file, ring: serviceTokens }]);
    rmSync(dirname(file), { recursive: true });
  });

  test("of tokens and of the gateway are different ones: an issuer of tokens must not act as the gateway", () => {
    expect(problems({ ...tokens, SERVICE_TOKEN_SECRET: `${next}\n${secret}` })).toEqual([
      "SERVICE_TOKEN_SECRET is JWT_SECRET, too: whoever issues tokens could act as the gateway",
    ]);
  });
});

describe("surfaces", () => {
  test("are configured by name", () => {
    const { surfaces: configured } = load({
      SURFACE_MINISHOP_AUTH: "apikey",
      SURFACE_MINISHOP_API_KEYS: "operator:0123456789abcdef0",
      SURFACE_MINISHOP_PERSONAL_DATA: "shown",
      SURFACE_MINISHOP_CURRENCY: "EUR",
      SURFACE_MINISHOP_PORT: "8084",
    });
    expect(configured.minishop).toMatchObject({ rule: "apikey", seesPersonalData: true, currency: "EUR", port: 8084 });
    expect(configured.minishop?.apiKeys).toMatchObject([{ role: "operator" }]);
    expect(configured.ordertracker?.rule).toBe("open");
  });

  test("may be opened to anonymous callers while all else needs tokens", () => {
    const config = load({ ...mesh, ...tokens, SURFACE_ORDERTRACKER_AUTH: "anonymous" });
    expect(config.surfaces).toMatchObject({ ordertracker: { rule: "anonymous" }, minishop: { rule: "jwt" } });
  });

  test("are not opened to everybody as administrator", () => {
    expect(problems({ SURFACE_MINISHOP_AUTH: "open" })).toEqual(['SURFACE_MINISHOP_AUTH "open" is not valid']);
  });

  test("need what their rule needs", () => {
    expect(problems({ SURFACE_MINISHOP_AUTH: "apikey" })).toEqual([
      "SURFACE_MINISHOP_API_KEYS is unset, and SURFACE_MINISHOP_AUTH is apikey",
    ]);
    expect(problems({ SURFACE_MINISHOP_AUTH: "jwt" })[0]).toBe("JWT_SECRET is unset, and SURFACE_MINISHOP_AUTH is jwt");
  });

  test("a bad key is named by its place, never shown", () => {
    expect(problems({ SURFACE_MINISHOP_API_KEYS: "hunter2" })).toEqual([
      "SURFACE_MINISHOP_API_KEYS key 1 is shorter than 16 characters",
    ]);
  });

  test("a mistyped or unknown one is told", () => {
    expect(() => load({ SURFACE_MINISHOP_PROT: "8084" })).toThrow(
      "SURFACE_MINISHOP_PROT: is not an option; did you mean SURFACE_MINISHOP_PORT?",
    );
    expect(problems({ SURFACE_SHOPIFY_AUTH: "anonymous" })).toEqual(["SURFACE_SHOPIFY_AUTH is not an option"]);
  });

  test("listen on ports of their own", () => {
    expect(problems({ PORT: "8084", SURFACE_MINISHOP_PORT: "8084" })).toEqual([
      "SURFACE_MINISHOP_PORT 8084 is PORT, too",
    ]);
    expect(problems({ PORT: "0", SURFACE_MINISHOP_PORT: "0", SURFACE_ORDERTRACKER_PORT: "0" })).toEqual([]);
  });
});

test("limits that contradict each other are told", () => {
  expect(problems({ DEFAULT_TIMEOUT_MS: "5000", MAX_TIMEOUT_MS: "1000" })).toEqual([
    "DEFAULT_TIMEOUT_MS 5000 is more than MAX_TIMEOUT_MS",
  ]);
  expect(problems({ INBOX_RETENTION_DAYS: "5" })).toEqual([
    "STREAM_RETENTION_DAYS 7 is more than INBOX_RETENTION_DAYS",
    "DEAD_LETTER_RETENTION_DAYS 30 is more than INBOX_RETENTION_DAYS",
  ]);
});

test("a service's own options are read, checked and printed with the others", () => {
  const extra = defineConfig({
    EXPIRY_SWEEP_MS: option({ schema: integer(1, 1000), default: 100, doc: "Sweep.", reason: "Often." }),
  });
  const { values, definition } = loadRuntimeConfig({ EXPIRY_SWEEP_MS: "200" }, { surfaces, extra });
  const period: number = values.EXPIRY_SWEEP_MS;
  expect(period).toBe(200);
  expect(values.PORT).toBe(8080);
  expect(printConfig(definition, values)).toContain("EXPIRY_SWEEP_MS=200");
  expect(() => loadRuntimeConfig({ EXPIRY_SWEEP_MS: "0" }, { extra })).toThrow("EXPIRY_SWEEP_MS");
});

test("what is in effect is printed, without secrets", () => {
  const { definition, values } = load({
    ...tokens,
    DATABASE_URL: "mysql://root:hunter2@db/orders",
    SURFACE_MINISHOP_API_KEYS: "0123456789abcdef0",
  });
  const text = printConfig(definition, values);
  expect(text).toContain("AUTH=jwt\n");
  expect(text).toContain("mysql://root:***@db/orders");
  expect(text).toContain("SURFACE_MINISHOP_API_KEYS=***");
  for (const hidden of ["hunter2", secret, "0123456789abcdef0"]) expect(text).not.toContain(hidden);
});

test("the documentation's table names a surface's options once", () => {
  const table = configMarkdown(runtimeDefinition(["<NAME>"]));
  for (const name of [
    "`PORT`",
    "`SURFACE_<NAME>_AUTH`",
    "`SURFACE_<NAME>_PORT`",
    "`JWT_SECRET` or `JWT_SECRET_FILE`",
  ]) {
    expect(table).toContain(`| ${name} |`);
  }
});
