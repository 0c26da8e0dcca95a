import { writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import { dirname, join } from "node:path";
import { createMiniShopSurface } from "@ordermesh/gateway/surfaces/minishop/index.ts";
import { createNativeSurface } from "@ordermesh/gateway/surfaces/native/index.ts";
import { createOrderTrackerSurface } from "@ordermesh/gateway/surfaces/ordertracker/index.ts";
import type { Answer } from "@ordermesh/gateway/transcoder/testing/serve.ts";
import { createTranscoder, type Transcoder } from "@ordermesh/gateway/transcoder/transcoder.ts";
import { orderService } from "@ordermesh/order/rpc/order-service.ts";
import { orderTaskService } from "@ordermesh/order/rpc/order-task-service.ts";
import { seckillService } from "@ordermesh/order/rpc/seckill-service.ts";
import { orderMigrations } from "@ordermesh/order/store/migrations/index.ts";
import { OrderService } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { OrderTaskService } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { localAdministrator } from "@ordermesh/runtime/auth/principal.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { createServer } from "@ordermesh/runtime/rpc/server.ts";
import { registryOf } from "@ordermesh/runtime/rpc/testing/echo.ts";
import { peerUri } from "@ordermesh/runtime/tls/peer-name.ts";
import { bootstrap } from "envoy-config-tools/builders/bootstrap.ts";
import { BootstrapSchema } from "envoy-config-tools/gen/envoy/config/bootstrap/v3/bootstrap_pb";
import { certificateFolder } from "envoy-config-tools/mesh/certificate-folder.ts";
import type { MeshModel } from "envoy-config-tools/mesh/model.ts";
import { meshResources } from "envoy-config-tools/mesh/resources.ts";
import { renderJson } from "envoy-config-tools/render/render.ts";
import { staticConfig } from "envoy-config-tools/render/static-config.ts";
import pino from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort, startServer } from "../../tools/components/process.ts";
import { envoyProgram } from "../../tools/components/programs.ts";
import { makeCertificates, type TestCertificates } from "../support/certificates.ts";
import { openFresh, quietLog } from "../support/open-database.ts";
import { temporaryDirectory } from "../support/temporary.ts";

/** What ends with the file, last first. */
const endings: (() => unknown)[] = [];
/** Lines of the gateway's log. */
const lines: string[] = [];
/** Request headers as the gateway got them, the latest last. */
const arrived: IncomingMessage["headers"][] = [];
let certificates: TestCertificates;
let port = 0;

beforeAll(async () => {
  certificates = await makeCertificates();
  port = await freePort();
  await startEnvoy(await startGateway());
}, 60_000);
afterAll(async () => {
  for (const end of endings.reverse()) await end();
});

/** The REST surfaces over the real order service, for Envoy alone. Returns the port. */
async function startGateway(): Promise<number> {
  const { database, dispose } = await openFresh("sqlite", orderMigrations);
  endings.push(dispose);
  const services = [
    orderService({ database }),
    orderTaskService({ database }),
    seckillService({ database, log: quietLog }),
  ];
  const caller = localCaller(await registryOf(services, { log: quietLog }), "rest");
  const readiness = { status: () => "SERVING" as const };
  const minishop = createMiniShopSurface({ caller, currency: "CNY", readiness });
  const broken = {
    ...minishop,
    // A defect, at one path of its own.
    renderError: (...[error, request]: Parameters<typeof minishop.renderError>) => {
      if (request.path.endsWith("/defect")) throw new Error("a defect");
      return minishop.renderError(error, request);
    },
  };
  const transcoder: Transcoder = createTranscoder({
    surfaces: [
      createNativeSurface([OrderService, OrderTaskService]),
      createOrderTrackerSurface({ caller, currency: "CNY" }),
      broken,
    ],
    caller,
    authenticate: () => localAdministrator,
    log: pino({ level: "error" }, { write: (line: string) => void lines.push(line) }),
  });
  const identity = await certificates.identity("gateway");
  const server = createServer({
    tls: { identity, peers: ["envoy"] },
    log: quietLog,
    fallback(request: IncomingMessage, response: ServerResponse) {
      if (request.url === "/readyz") return void response.end();
      arrived.push(request.headers);
      void transcoder.handle(request, response);
    },
  });
  endings.push(async () => {
    await server.close(1_000);
    identity.close();
  });
  return (await server.listen({ host: "127.0.0.1", port: 0 })).port;
}

/** Envoy with the mesh's edge listener and the gateway behind it. */
async function startEnvoy(gatewayPort: number): Promise<void> {
  const directory = temporaryDirectory("rest-behind-envoy");
  const secrets = (name: string) => {
    const folder = certificateFolder(dirname(certificates.files(name).cert));
    for (const { path, text } of folder.files) writeFileSync(path, text);
    return folder;
  };
  const { certificate, authorities } = secrets("envoy");
  const model: MeshModel = {
    services: [
      {
        name: "gateway",
        uri: peerUri("gateway"),
        rpcServices: [],
        instances: [{ address: "127.0.0.1", port: gatewayPort, zone: "", state: "ready" }],
        readyPath: "/readyz",
      },
    ],
    edge: {
      listen: { address: "127.0.0.1", port },
      certificate: secrets("edge").certificate,
      rest: { service: "gateway", routes: [], prefixes: [] },
      refusedPaths: ["/internal"],
      healthPath: "/healthz",
      allowedOrigins: [],
      exposedHeaders: [],
      allowedHeaders: [],
      rateLimit: { requestsPerSecond: 1_000, burst: 1_000 },
      strippedHeaders: ["x-ordermesh-principal"],
      maxRequestBytes: 1_048_576,
    },
    identity: { certificate, authorities },
    accessLog: "off",
    maximumTimeoutMs: 60_000,
  };
  const node = { id: "edge-1", cluster: "edge" };
  const config = staticConfig(bootstrap({ node, admin: { port: 0 } }), meshResources(model));
  const file = join(directory, "envoy.json");
  writeFileSync(file, renderJson(BootstrapSchema, config));
  const envoy = await startServer({
    command: envoyProgram(),
    args: ["-c", file, "--disable-hot-restart", "--concurrency", "1", "-l", "warn"],
    logFile: join(directory, "envoy.log"),
    orphanSignal: "KILL",
    ready: async () => {
      const answer = await send("GET /users/nobody/orders/current").catch(() => undefined);
      return answer?.status === 200;
    },
  });
  endings.push(() => envoy.stop());
}

interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Sends a request to the edge as it is written. */
function send(request: string, { headers, body }: Sent = {}): Promise<Answer> {
  const [method = "", path = ""] = request.split(/ (.*)/s);
  const { ca } = certificates.material("edge");
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", servername: "localhost", port, ca, method, path, agent: false };
    const outgoing = httpsRequest({ ...options, headers: { ...length, ...headers } }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }));
      incoming.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

const json = { "content-type": "application/json" };

describe("REST behind the edge", () => {
  test("an absolute Location is that of the edge: https, and the host that the client named", async () => {
    const headers = { host: "shop.example.com:8443" };
    expect(await send("GET /users/lin/orders/current/?a=1", { headers })).toMatchObject({
      status: 307,
      headers: { location: "https://shop.example.com:8443/users/lin/orders/current?a=1" },
      body: "",
    });
    const downgraded = await send("POST /product/", { headers: { ...headers, "x-forwarded-proto": "http" } });
    expect(downgraded.headers.location).toBe("https://shop.example.com:8443/product");
  });

  test("a relative Location stays one", async () => {
    expect(await send("GET /api/v1/failures/?page=2")).toMatchObject({
      status: 301,
      headers: { location: "/api/v1/failures?page=2" },
    });
  });

  test("%2F reaches the surfaces unharmed: a value natively, no path at all for the old systems", async () => {
    const native = await send("GET /v1/orderTasks/a%2Fb");
    expect({ status: native.status, text: native.body }).toMatchObject({
      status: 404,
      text: expect.stringContaining("TASK_NOT_FOUND"),
    });
    expect(await send("GET /api/v1/orders/a%2Fb")).toMatchObject({ status: 404, body: "404 page not found" });
    expect((await send("GET /users/a%2Fb/orders/current")).status).toBe(404);
  });

  test("an empty segment and other odd paths reach the surface that knows them", async () => {
    expect(await send("GET /api/v1/users//orders")).toMatchObject({ status: 400, body: '{"error":"用户ID不能为空"}' });
    expect(await send("GET /api/v1/orders/%E8%AE%A2%E5%8D%95")).toMatchObject({
      status: 404,
      body: '{"error":"订单不存在"}',
    });
    expect((await send("GET /api/v1/orders/a%00b")).status).toBe(400);
  });

  test("HEAD has GET's headers and no body where the surface has HEAD", async () => {
    const get = await send("GET /v1/orders");
    const head = await send("HEAD /v1/orders");
    expect(head).toMatchObject({ status: 200, body: "" });
    expect(head.headers["content-length"]).toBe(get.headers["content-length"]);
    expect(await send("HEAD /api/v1/orders/1")).toMatchObject({ status: 404, body: "" });
  });

  test("OPTIONS is the surface's own", async () => {
    expect(await send("OPTIONS /v1/orders")).toMatchObject({ status: 204, headers: { allow: "GET, HEAD, OPTIONS" } });
    expect(await send("OPTIONS /api/v1/orders/1")).toMatchObject({ status: 404, body: "404 page not found" });
    const preflight = { origin: "https://a.example", "access-control-request-method": "POST" };
    expect(await send("OPTIONS /api/v1/seckill/purchase", { headers: preflight })).toMatchObject({
      status: 204,
      headers: { "access-control-allow-origin": "*" },
    });
  });

  test("405 keeps its Allow and its body", async () => {
    const native = await send("DELETE /v1/orders");
    expect(native).toMatchObject({ status: 405, headers: { allow: "GET, HEAD, OPTIONS" } });
    expect(native.body).toContain("METHOD_NOT_ALLOWED");
    expect(await send("DELETE /product")).toMatchObject({
      status: 405,
      headers: { allow: "POST" },
      body: '{"detail":"Method Not Allowed"}',
    });
  });

  test("a reply has the request's id, once", async () => {
    const named = await send("GET /v1/orders", { headers: { "x-request-id": "client-7" } });
    expect(named.headers["x-request-id"]).toBe("client-7");
  });

  test("without one, it has the id that Envoy told the gateway", async () => {
    const unnamed = await send("GET /v1/orders");
    expect(unnamed.headers["x-request-id"]).toBe(arrived.at(-1)?.["x-request-id"]);
  });

  test("a failure's log line has the client's address and the request's id, whatever the client says", async () => {
    const headers = { "x-forwarded-for": "203.0.113.66", "x-request-id": "client-8" };
    expect((await send("GET /api/v1/orders/defect", { headers })).status).toBe(500);
    // What Envoy itself has written last; for clients on its own machine it writes the machine's address.
    const clientAddress = String(arrived.at(-1)?.["x-forwarded-for"]).split(",").at(-1);
    expect(clientAddress).not.toBe("203.0.113.66");
    expect(lines.map((line) => JSON.parse(line)).at(-1)).toMatchObject({ clientAddress, requestId: "client-8" });
  });

  test("headers by which services know each other do not come through", async () => {
    await send("GET /v1/orders", { headers: { "x-ordermesh-principal": "forged" } });
    expect(arrived.at(-1)).not.toHaveProperty("x-ordermesh-principal");
  });

  test("a body of the greatest size passes, and one beyond is 413", async () => {
    const task = { userName: "u", shopName: "s", productUrl: "http://a/", productSku: "k" };
    const body = JSON.stringify({ ...task, productPrice: { currency: "CNY", minorUnits: 1 }, pad: "" });
    const padded = (bytes: number) => body.replace('"pad":""', `"pad":"${"x".repeat(bytes - body.length)}"`);
    expect((await send("POST /v1/orderTasks", { headers: json, body: padded(1_048_576) })).status).toBe(400);
    expect((await send("POST /v1/orderTasks", { headers: json, body: padded(1_048_577) })).status).toBe(413);
  });
});
