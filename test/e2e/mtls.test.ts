import { renameSync, writeFileSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { principalTokenHeader } from "@ordermesh/runtime/auth/service-token.ts";
import { SignJWT } from "jose";
import { beforeEach, expect, test } from "vitest";
import { makeCertificates } from "../support/certificates.ts";
import { type Instance, runProgram, startInstance } from "../support/instance.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const secret = "a-secret-of-at-least-32-characters";
const word = "another-secret-of-at-least-32-chars";
const operatorKey = "operator-key-0123456789";
const certificates = await makeCertificates();

let order: Instance;
let gateway: Instance;
let secrets: { jwt: string; word: string };

/** Order service and gateway as two processes with mTLS; the gateway takes calls of `envoy`, as behind the edge. */
beforeEach(async () => {
  const directory = temporaryDirectory("mtls");
  secrets = { jwt: join(directory, "jwt"), word: join(directory, "word") };
  write(secrets.jwt, secret);
  write(secrets.word, word);
  const common = {
    LOG_LEVEL: "warn",
    JWT_SECRET_FILE: secrets.jwt,
    JWT_ISSUER: "shop",
    JWT_AUDIENCE: "ordermesh",
    SERVICE_TOKEN_SECRET_FILE: secrets.word,
  };
  order = await startInstance({ ...common, ...tls("order", "gateway,operator"), DATA_DIR: directory }, [
    "--services",
    "order",
  ]);
  gateway = await startInstance(
    {
      ...common,
      ...tls("gateway", "envoy"),
      ORDER_URL: order.url,
      ORDER_PEER: "order",
      SURFACE_MINISHOP_AUTH: "anonymous",
      SURFACE_ORDERTRACKER_AUTH: "apikey",
      SURFACE_ORDERTRACKER_API_KEYS: `operator:${operatorKey}`,
    },
    ["--services", "gateway"],
  );
}, 60_000);

function tls(name: string, peers: string): Record<string, string> {
  const { cert, key, ca } = certificates.files(name);
  return { TLS_CERT_FILE: cert, TLS_KEY_FILE: key, TLS_CA_FILE: ca, TLS_PEERS: peers };
}

function write(file: string, content: string): void {
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
}

interface Call {
  /** Whose certificate is shown. */
  readonly as?: string;
  readonly headers?: Record<string, string>;
  /** JSON; without it a GET. */
  readonly body?: object;
}

function call(url: string, { as = "envoy", headers, body }: Call = {}): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, {
      method: body === undefined ? "GET" : "POST",
      agent: false,
      ...certificates.material(as),
      checkServerIdentity: () => undefined,
      headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
    });
    request.on("error", reject);
    request.on("response", async (response) => {
      resolve({ status: response.statusCode ?? 0, text: await textOf(response) });
    });
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function token(claims: Record<string, unknown> = { sub: "u7", roles: ["operator"] }, key = secret): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("shop")
    .setAudience("ordermesh")
    .setExpirationTime("5m")
    .sign(new TextEncoder().encode(key));
}

const lamp = { product_id: 3001, product_name: "Lamp", price: 12.5, stock: 2 };
const native = "/v1/orders";
const rpc = "/ordermesh.order.v1.OrderService/ListOrders";

test("a surface opened by name works through a gateway apart, its administrator actions do not", async () => {
  const authorization = await token();
  const prewarm = `${gateway.url}/api/v1/seckill/activity/prewarm`;
  expect(await call(prewarm, { body: lamp })).toMatchObject({ status: 403 });
  // As MiniShop's clients send it, without `Bearer`.
  expect(await call(prewarm, { body: lamp, headers: { authorization } })).toMatchObject({ status: 200 });
  const purchase = await call(`${gateway.url}/api/v1/seckill/purchase`, {
    body: { product_id: 3001, user_id: 7000, quantity: 1 },
  });
  expect(JSON.parse(purchase.text)).toMatchObject({ code: 1, success: true });
});

test("an API key opens its surface through a gateway apart, and no other", async () => {
  const headers = { "x-api-key": operatorKey };
  const path = "/users/lin.hao/orders/current";
  expect((await call(`${gateway.url}${path}`, { headers })).status).not.toBe(401);
  expect((await call(`${gateway.url}${path}`)).status).toBe(401);
  expect((await call(`${gateway.url}${native}`, { headers })).status).toBe(401);
});

test("the native surface and the forwarded RPCs need a token of their own", async () => {
  const headers = { authorization: `Bearer ${await token()}` };
  expect((await call(`${gateway.url}${native}`, { headers })).status).toBe(200);
  expect((await call(`${gateway.url}${native}`)).status).toBe(401);
  expect((await call(`${gateway.url}${rpc}`, { headers, body: {} })).status).toBe(200);
  expect((await call(`${gateway.url}${rpc}`, { body: {} })).status).toBe(401);
});

test("nobody passes for somebody else by a header", async () => {
  const identity = { UUID: "admin", "X-User-UUID": "admin", "X-User-ID": "1", "X-JWT-User-UUID": "admin" };
  for (const url of [`${gateway.url}${native}`, `${gateway.url}${rpc}`]) {
    const body = url.endsWith(rpc) ? {} : undefined;
    expect((await call(url, { headers: { ...identity, "User-UUID": "a", "User-ID": "1" }, body })).status).toBe(401);
  }
  expect((await call(`${order.url}${rpc}`, { as: "operator", headers: identity, body: {} })).status).toBe(401);
});

test("the gateway's word counts from the gateway alone", async () => {
  const { createPrincipalTokens } = await import("@ordermesh/runtime/auth/service-token.ts");
  const { SecretRing } = await import("@ordermesh/runtime/auth/secret-ring.ts");
  const admin = { id: "x", roles: new Set(["admin" as const]), kind: "jwt" as const, seesPersonalData: true };
  const genuine = createPrincipalTokens(new SecretRing([word]))(admin) ?? "";
  const forged = createPrincipalTokens(new SecretRing([secret]))(admin) ?? "";
  const at = (value: string) => ({ headers: { [principalTokenHeader]: value }, body: {} });
  // The gateway takes nobody's, on no path.
  expect((await call(`${gateway.url}${rpc}`, at(genuine))).status).toBe(401);
  expect((await call(`${gateway.url}${native}`, { headers: at(genuine).headers })).status).toBe(401);
  expect((await call(`${order.url}${rpc}`, { as: "operator", ...at(forged) })).status).toBe(401);
  expect((await call(`${order.url}${rpc}`, { as: "operator", ...at(genuine) })).status).toBe(200);
});

test.each([
  ["alg none", async () => `${Buffer.from('{"alg":"none"}').toString("base64url")}.e30.`],
  ["another secret", () => token(undefined, "yet-another-secret-of-32-characters")],
  ["a refresh token", () => token({ sub: "u7", type: "refresh" })],
])("a token with %s is refused by the gateway and by the service", async (_, make) => {
  const headers = { authorization: `Bearer ${await make()}` };
  expect((await call(`${gateway.url}${native}`, { headers })).status).toBe(401);
  expect((await call(`${order.url}${rpc}`, { as: "operator", headers, body: {} })).status).toBe(401);
});

test("a service's port is for its peers: the edge's Envoy reaches the gateway, not the service", async () => {
  await expect(call(`${order.url}/healthz`, { as: "envoy" })).rejects.toThrow();
  expect((await call(`${order.url}/healthz`, { as: "operator" })).status).toBe(200);
  await expect(fetch(order.url.replace("https:", "http:"))).rejects.toThrow();
  await expect(fetch(`${gateway.url}/healthz`)).rejects.toThrow();
});

test("secrets and certificates are rotated while requests are served", async () => {
  const next = "the-next-secret-of-at-least-32-chars";
  const status = async (key: string) => {
    const headers = { authorization: `Bearer ${await token(undefined, key)}` };
    return (await call(`${gateway.url}${native}`, { headers })).status;
  };
  expect(await status(next)).toBe(401);
  write(secrets.jwt, `${next}\n${secret}\n`);
  write(secrets.word, `${next}-of-the-gateway\n${word}\n`);
  await certificates.rotate();
  await expect.poll(() => status(next), { timeout: 5_000 }).toBe(200);
  expect(await status(secret)).toBe(200);
  write(secrets.jwt, `${next}\n`);
  write(secrets.word, `${next}-of-the-gateway\n`);
  await expect.poll(() => status(secret), { timeout: 5_000 }).toBe(401);
  expect(await status(next)).toBe(200);
}, 30_000);

test("a gateway apart that could not tell the service of a surface's callers does not start", async () => {
  const env = { ORDER_URL: order.url, SURFACE_MINISHOP_AUTH: "anonymous" };
  const { code, err } = await runProgram("services/main.ts", ["--services", "gateway"], env);
  expect(code).toBe(1);
  expect(err).toContain("SERVICE_TOKEN_SECRET: is unset, and SURFACE_MINISHOP_AUTH is anonymous");
});
