import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { staticConfig } from "../render/static-config.ts";
import { type RunningEnvoy, runEnvoy } from "../testing/running-envoy.ts";
import { jsonAccessLog } from "./access-log.ts";
import { bootstrap } from "./bootstrap.ts";
import { cluster } from "./cluster.ts";
import { corsPolicy } from "./cors.ts";
import { type HttpConnectionManagerOptions, httpConnectionManager } from "./http-connection-manager.ts";
import { bodyLimit } from "./http-filters.ts";
import { jwtRequirement } from "./jwt.ts";
import { listener } from "./listener.ts";
import { rateLimit } from "./rate-limit.ts";
import { type RouteOptions, route, routeConfiguration, virtualHost } from "./route.ts";

/** What the builders promise, held against a real Envoy with a real service behind it. */
describe("a real Envoy", () => {
  test("lets through what a rate limit grants, and no more", async () => {
    const envoy = await edge({ filters: [rateLimit({ requestsPerSecond: 1, burst: 3 })] });
    const answers = await Promise.all(Array.from({ length: 6 }, () => get(envoy, "/")));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 429, 429, 429]);
    expect(answers.find(({ status }) => status === 429)?.headers["x-ratelimit-limit"]).toContain("3");
  });

  test("refuses a rate-limited gRPC call with RESOURCE_EXHAUSTED", async () => {
    const envoy = await edge({ filters: [rateLimit({ requestsPerSecond: 1 })] });
    const headers = { "content-type": "application/grpc" };
    const answers = [await get(envoy, "/", { headers }), await get(envoy, "/", { headers })];
    expect(answers[1]?.headers["grpc-status"]).toBe("8");
  });

  test("refuses a body that is too large, and leaves other routes alone", async () => {
    const envoy = await edge({ filters: [bodyLimit(10)] });
    expect(await get(envoy, "/", { method: "POST", body: "x".repeat(11) })).toMatchObject({ status: 413 });
    expect(await get(envoy, "/", { method: "POST", body: "x".repeat(10) })).toMatchObject({ status: 200 });
    const open = await edge({});
    expect(await get(open, "/", { method: "POST", body: "x".repeat(100_000) })).toMatchObject({ status: 200 });
  });

  test("refuses headers that are too large", async () => {
    const envoy = await edge({});
    expect(await get(envoy, "/", { headers: { "x-large": "x".repeat(61 * 1024) } })).toMatchObject({ status: 431 });
  });

  test("removes what a client says of itself, and a header with underscores is refused", async () => {
    const envoy = await edge({}, { removeRequestHeaders: ["x-user"] });
    const { body } = await get(envoy, "/", { headers: { "x-user": "root", "x-other": "1" } });
    expect(JSON.parse(body).headers).toMatchObject({ "x-other": "1" });
    expect(JSON.parse(body).headers).not.toHaveProperty("x-user");
    expect(await get(envoy, "/", { headers: { x_user: "root" } })).toMatchObject({ status: 400 });
  });

  test.each([
    ["keep", 200, "/a%2Fb"],
    ["reject", 400, undefined],
    ["redirect", 307, undefined],
  ] as const)("%s: what is done with an escaped slash", async (escapedSlashes, status, seen) => {
    const answer = await get(await edge({}, { escapedSlashes }), "/a%2Fb");
    expect(answer.status).toBe(status);
    if (seen !== undefined) expect(JSON.parse(answer.body).url).toBe(seen);
    if (status === 307) expect(answer.headers.location).toMatch(/\/a\/b$/);
  });

  test("spells every path one way", async () => {
    const { body } = await get(await edge({}), "/a/./b//c/../d");
    expect(JSON.parse(body).url).toBe("/a/b/d");
  });

  test("closes a connection whose headers come in drops", async () => {
    const envoy = await edge({}, { requestHeadersTimeoutMs: 300 });
    const socket = connect(Number(new URL(envoy.url("edge")).port), "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nhost: a\r\n");
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(/^HTTP\/1\.1 408 /);
    await once(socket, "close");
  });

  test("ends a call that takes too long", async () => {
    const envoy = await edge({ timeoutMs: 200 }, {}, (_, response) => setTimeout(() => response.end(), 5_000).unref());
    expect(await get(envoy, "/")).toMatchObject({ status: 504 });
  });

  test("ends a gRPC call that takes too long, or longer than its client waits, with DEADLINE_EXCEEDED", async () => {
    const slow: Handler = (_, response) => setTimeout(() => response.end(), 5_000).unref();
    const headers = { "content-type": "application/grpc" };
    const envoy = await edge({ protocol: "grpc", timeoutMs: 200 }, {}, slow);
    expect((await get(envoy, "/", { headers })).headers["grpc-status"]).toBe("4");
    const patient = await edge({ protocol: "grpc", timeoutMs: 60_000 }, {}, slow);
    const hurried = { ...headers, "grpc-timeout": "200m" };
    expect((await get(patient, "/", { headers: hurried })).headers["grpc-status"]).toBe("4");
  });

  test("tries another endpoint where a route allows it", async () => {
    const dead = { address: "127.0.0.1", port: await freePort() };
    const envoy = await edge({ retry: {} }, {}, echo, [dead]);
    for (let count = 0; count < 20; count++) expect(await get(envoy, "/")).toMatchObject({ status: 200 });
  });

  test("has another try for each of ten calls that fail in one moment", async () => {
    const dead = { address: "127.0.0.1", port: await freePort() };
    const envoy = await edge({ retry: {} }, {}, echo, [dead]);
    const answers = await Promise.all(Array.from({ length: 10 }, () => get(envoy, "/")));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  });

  test("tries nothing again where a route does not allow it", async () => {
    const dead = { address: "127.0.0.1", port: await freePort() };
    const envoy = await edge({}, {}, echo, [dead]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => get(envoy, "/")));
    expect(answers.map(({ status }) => status)).toContain(503);
  });

  test("answers a preflight of an allowed page, and gives others no permission", async () => {
    const envoy = await edge({ filters: [corsPolicy({ origins: ["https://shop.example"] })] });
    const preflight = (origin: string) =>
      get(envoy, "/", { method: "OPTIONS", headers: { origin, "access-control-request-method": "POST" } });
    expect((await preflight("https://shop.example")).headers["access-control-allow-origin"]).toBe(
      "https://shop.example",
    );
    expect((await preflight("https://elsewhere.example")).headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("writes one JSON line a request, with the trace and without the query", async () => {
    const envoy = await edge({}, { accessLogs: [jsonAccessLog()] });
    await get(envoy, "/orders?name=lin", { headers: { "x-request-id": "ignored at the edge" } });
    const line = await vi.waitFor(() => JSON.parse(envoy.output()));
    expect(line).toMatchObject({
      method: "GET",
      path: "/orders",
      route: "test",
      status: 200,
      upstream_cluster: "service",
    });
    expect(line.request_id).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe("tokens at a real Envoy", () => {
  const now = Math.floor(Date.now() / 1_000);
  const good = { iss: "us", aud: "shop", exp: now + 600, sub: "lin" };

  test.each([
    ["a good one", 200, token(good)],
    ["none", 401, undefined],
    ["of another issuer", 401, token({ ...good, iss: "them" })],
    ["for somebody else", 403, token({ ...good, aud: "bank" })],
    ["that has expired", 401, token({ ...good, exp: now - 600 })],
    ["that never expires", 401, token({ ...good, exp: undefined })],
    ["signed with another key", 401, token(good, "x".repeat(32))],
    ["without a signature", 401, token(good, undefined, "none")],
  ])("%s: %i", async (_, status, bearer) => {
    const headers: Record<string, string> = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
    expect(await get(await edge({}, withTokens), "/", { headers })).toMatchObject({ status });
  });

  test("a claim becomes a header, whatever a client put there", async () => {
    const headers = { authorization: `Bearer ${token(good)}`, "x-user": "root" };
    const { body } = await get(await edge({}, withTokens), "/", { headers });
    expect(JSON.parse(body).headers["x-user"]).toBe("lin");
  });

  test("a route that is open by name needs none", async () => {
    expect(await get(await edge({ filters: [jwtRequirement("none")] }, withTokens), "/")).toMatchObject({
      status: 200,
    });
  });
});

const secret = Buffer.alloc(32, 7);
const filters = { cors: true, rateLimit: true, buffer: true };
const keys = { inline: JSON.stringify({ keys: [{ kty: "oct", alg: "HS256", k: secret.toString("base64url") }] }) };
const withTokens = {
  filters: {
    ...filters,
    jwt: {
      providers: { ours: { issuer: "us", audiences: ["shop"], keys, claimToHeaders: { sub: "x-user" } } },
      requirements: { user: { providers: ["ours"] } },
      defaultRequirement: "user",
    },
  },
};

function token(claims: object, key: string | Buffer = secret, alg = "HS256"): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg, typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${alg === "none" ? "" : createHmac("sha256", key).update(signed).digest("base64url")}`;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

function echo(incoming: IncomingMessage, response: ServerResponse): void {
  incoming.resume().on("end", () => response.end(JSON.stringify({ url: incoming.url, headers: incoming.headers })));
}

/** An Envoy with one listener and one route to a service that tells what it was asked. */
async function edge(
  options: Partial<RouteOptions>,
  http: Partial<HttpConnectionManagerOptions> = {},
  handler: Handler = echo,
  more: readonly { readonly address: string; readonly port: number }[] = [],
): Promise<RunningEnvoy> {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const own = { address: "127.0.0.1", port: (server.address() as AddressInfo).port };
  const only = route({ name: "test", match: { path: { prefix: "/" } }, to: { cluster: "service" }, ...options });
  const fixed = routeConfiguration("edge", [virtualHost({ name: "all", domains: ["*"], routes: [only] })]);
  const manager = httpConnectionManager({ statPrefix: "edge", side: "edge", routes: { fixed }, filters, ...http });
  const start = bootstrap({ node: { id: "test", cluster: "test" }, admin: { port: 0 } });
  return runEnvoy(
    staticConfig(start, {
      listeners: [listener({ name: "edge", address: "127.0.0.1", port: 0, http: manager })],
      clusters: [cluster({ name: "service", protocol: "http1", endpoints: { from: "static", list: [own, ...more] } })],
    }),
  );
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Sends the path as it is: fetch would tidy it up. */
async function get(envoy: RunningEnvoy, path: string, { method, headers, body }: Question = {}): Promise<Answer> {
  const outgoing = request(envoy.url("edge"), { path, method, headers: { ...headers }, agent: false });
  outgoing.end(body);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: (await response.toArray()).join("") };
}

/** A port where nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
