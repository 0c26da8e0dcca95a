import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { MeshService } from "@ordermesh/proto/ordermesh/mesh/v1/mesh_pb";
import { OrderTaskService } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { grpcurlProgram } from "../../tools/components/programs.ts";
import { startMesh, type TestMesh, token } from "./mesh.ts";
import { request } from "./request.ts";

let mesh: TestMesh;
beforeAll(async () => {
  mesh = await startMesh({ MESH_ALLOWED_ORIGINS: "https://shop.example" });
}, 180_000);
afterAll(() => mesh?.stop());

const transports: Readonly<Record<string, () => Transport>> = {
  "Connect over HTTP/1.1": () =>
    createConnectTransport({ baseUrl: mesh.url, httpVersion: "1.1", nodeOptions: { ca: mesh.ca } }),
  "Connect over HTTP/2": () =>
    createConnectTransport({ baseUrl: mesh.url, httpVersion: "2", nodeOptions: { ca: mesh.ca } }),
  "Connect with GET": () =>
    createConnectTransport({ baseUrl: mesh.url, httpVersion: "1.1", useHttpGet: true, nodeOptions: { ca: mesh.ca } }),
  gRPC: () => createGrpcTransport({ baseUrl: mesh.url, nodeOptions: { ca: mesh.ca } }),
  "gRPC-Web": () => createGrpcWebTransport({ baseUrl: mesh.url, httpVersion: "1.1", nodeOptions: { ca: mesh.ca } }),
};

async function bearer(claims: Parameters<typeof token>[0] = {}): Promise<{ readonly authorization: string }> {
  return { authorization: `Bearer ${await token(claims)}` };
}

describe.each(Object.keys(transports))("%s", (name) => {
  const tasks = () => createClient(OrderTaskService, transports[name]?.() as Transport);

  test("a call reaches the service that owns it", async () => {
    const { tasks: found } = await tasks().listOrderTasks({}, { headers: await bearer() });
    expect(found).toEqual([]);
  });

  test("a refusal of the service comes through with its code", async () => {
    const call = tasks().getOrderTask({ taskId: "none" }, { headers: await bearer() });
    await expect(call).rejects.toMatchObject({ code: Code.NotFound });
  });

  test("a call without a token is UNAUTHENTICATED in its own protocol", async () => {
    const error = await tasks().listOrderTasks({}).catch(ConnectError.from);
    expect(error).toMatchObject({ code: Code.Unauthenticated });
  });
});

describe("REST", () => {
  test("the native API", async () => {
    const reply = await request(mesh, "/v1/orders", { headers: await bearer() });
    expect(reply).toMatchObject({ status: 200, body: '{"orders":[],"nextPageToken":""}' });
  });

  test("a request without a token gets a google.rpc.Status", async () => {
    const reply = await request(mesh, "/v1/orders");
    expect(reply.status).toBe(401);
    expect(reply.headers["content-type"]).toBe("application/json");
    expect(JSON.parse(reply.body)).toEqual({ code: 16, message: "Jwt is missing", details: [] });
  });

  test("old clients get their system's own refusal", async () => {
    const reply = await request(mesh, "/api/v1/orders/SK1");
    expect(reply).toMatchObject({ status: 401, body: '{"error":"缺少认证token"}' });
  });

  test("an old client's token without `Bearer` is the gateway's to judge", async () => {
    const reply = await request(mesh, "/api/v1/orders/SK1", { headers: { authorization: await token() } });
    expect(reply).toMatchObject({ status: 404, body: '{"error":"订单不存在"}' });
  });

  test("an escaped slash reaches the gateway as part of a name", async () => {
    const reply = await request(mesh, "/v1/orders/a%2Fb", { headers: await bearer() });
    expect(JSON.parse(reply.body)).toMatchObject({ code: 5, details: [{ reason: "ORDER_NOT_FOUND" }] });
  });

  test("an empty segment reaches the gateway, which has its system's answer", async () => {
    const reply = await request(mesh, "/api/v1/users//orders", { headers: await bearer() });
    expect(reply).toMatchObject({ status: 400, body: '{"error":"用户ID不能为空"}' });
  });

  test("a client's own request id comes back", async () => {
    const reply = await request(mesh, "/v1/orders", { headers: { ...(await bearer()), "x-request-id": "mine-1" } });
    expect(reply.headers["x-request-id"]).toBe("mine-1");
  });

  test("without one the edge names the request", async () => {
    const reply = await request(mesh, "/v1/orders", { headers: await bearer() });
    expect(reply.headers["x-request-id"]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });

  test("the proxy says nothing of itself", async () => {
    const { headers } = await request(mesh, "/v1/orders", { headers: await bearer() });
    expect(Object.keys(headers).filter((name) => name.startsWith("x-envoy") || name === "server")).toEqual([]);
  });

  test("a load balancer asks without a token", async () => {
    expect(await request(mesh, "/healthz")).toMatchObject({ status: 200 });
  });
});

describe("pages of other origins", () => {
  const preflight = (origin: string) =>
    request(mesh, "/ordermesh.order.v1.OrderService/ListOrders", {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,connect-protocol-version",
      },
    });

  test("one that is allowed may call", async () => {
    const { status, headers } = await preflight("https://shop.example");
    expect(status).toBe(200);
    expect(headers["access-control-allow-origin"]).toBe("https://shop.example");
    expect(headers["access-control-allow-headers"]).toContain("connect-protocol-version");
  });

  test("another one may not", async () => {
    const { headers } = await preflight("https://elsewhere.example");
    expect(headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("one that is allowed can read why it is refused", async () => {
    const { status, headers } = await request(mesh, "/v1/orders", { headers: { origin: "https://shop.example" } });
    expect({ status, origin: headers["access-control-allow-origin"] }).toEqual({
      status: 401,
      origin: "https://shop.example",
    });
  });
});

describe("the control plane's own service", () => {
  const asOperator = () => bearer({ roles: ["operator"] });

  test("shows every service with its instances, over REST", async () => {
    const reply = await request(mesh, "/v1/mesh/services", { headers: await asOperator() });
    const { services } = JSON.parse(reply.body) as { services: { name: string; readyInstances: number }[] };
    expect(services.map(({ name, readyInstances }) => [name, readyInstances])).toEqual([
      ["gateway", 1],
      ["mesh", 1],
      ["order", 1],
    ]);
  });

  test("shows what Envoy has taken, over gRPC", async () => {
    const client = createClient(MeshService, transports.gRPC?.() as Transport);
    const { status } = await client.getConfigStatus({}, { headers: await asOperator() });
    expect(status?.proxies).toMatchObject([{ nodeId: "envoy-test", connected: true }]);
    expect(status?.proxies[0]?.types.map(({ inSync, rejecting }) => [inSync, rejecting])).toEqual(
      Array(4).fill([true, false]),
    );
  });

  test("is for operators", async () => {
    expect(await request(mesh, "/v1/mesh/instances", { headers: await bearer() })).toMatchObject({ status: 403 });
  });
});

test("grpcurl finds and calls everything by reflection", async () => {
  const headers = ["-H", `authorization: Bearer ${await token()}`];
  const common = ["-cacert", join(mesh.certs, "ca.crt"), ...headers, `localhost:${mesh.edgePort}`];
  const run = async (...args: string[]) => (await promisify(execFile)(grpcurlProgram(), args)).stdout;
  expect(await run(...common, "list")).toContain("ordermesh.mesh.v1.MeshService");
  expect(await run(...common, "ordermesh.order.v1.OrderService/ListOrders")).toBe("{}\n");
});

describe("the access log", () => {
  const lines = (id: string) =>
    mesh
      .envoyLog()
      .split("\n")
      .filter((one) => one.includes(id));
  const line = async (id: string) => {
    const find = () => lines(id).find((one) => one.includes("REST"));
    // Envoy writes it out every ten seconds.
    await expect.poll(find, { timeout: 15_000 }).toBeDefined();
    return JSON.parse(find() ?? "") as unknown;
  };

  test("has a line for each request, by the client's trace, without the query", async () => {
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    const headers = { ...(await bearer()), traceparent: `00-${trace}-00f067aa0ba902b7-01` };
    await request(mesh, "/v1/orders?page_size=7", { headers });
    expect(await line(trace)).toMatchObject({ method: "GET", path: "/v1/orders", route: "REST read", status: 200 });
    // The gateway's own call is told of where it fails.
    expect(lines(trace)).toHaveLength(1);
  }, 20_000);

  test("has the id by which the reply is named, and which is a service's trace", async () => {
    const { headers } = await request(mesh, "/v1/orders/none", { headers: await bearer() });
    const id = String(headers["x-request-id"]);
    expect(await line(id)).toMatchObject({ path: "/v1/orders/none", status: 404, request_id: id });
  }, 20_000);
});
