import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { OrderTaskService } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startMesh, type TestMesh, token } from "./mesh.ts";
import { request } from "./request.ts";

let mesh: TestMesh;
beforeAll(async () => {
  mesh = await startMesh({ MESH_RATE_LIMIT_PER_SECOND: "1", MESH_RATE_LIMIT_BURST: "1" });
}, 180_000);
afterAll(() => mesh?.stop());

test("REST: 429 that says when to come back", async () => {
  const headers = { authorization: `Bearer ${await token()}` };
  const replies = await Promise.all([1, 2, 3].map(() => request(mesh, "/v1/orders", { headers })));
  const refused = replies.find(({ status }) => status === 429);
  expect(refused?.headers["retry-after"]).toBe("1");
  expect(JSON.parse(refused?.body ?? "")).toMatchObject({ code: 8 });
});

test.each(["gRPC", "gRPC-Web", "Connect"])("%s: RESOURCE_EXHAUSTED", async (protocol) => {
  const options = { baseUrl: mesh.url, nodeOptions: { ca: mesh.ca } };
  const transport =
    protocol === "gRPC"
      ? createGrpcTransport(options)
      : protocol === "gRPC-Web"
        ? createGrpcWebTransport({ ...options, httpVersion: "1.1" })
        : createConnectTransport({ ...options, httpVersion: "1.1" });
  const client = createClient(OrderTaskService, transport);
  const headers = { authorization: `Bearer ${await token()}` };
  const call = () => client.getOrderTaskStats({}, { headers }).then(() => undefined, ConnectError.from);
  const codes = (await Promise.all([call(), call(), call()])).map((error) => error?.code);
  expect(codes).toContain(Code.ResourceExhausted);
  expect(codes).not.toContain(Code.Unavailable);
});
