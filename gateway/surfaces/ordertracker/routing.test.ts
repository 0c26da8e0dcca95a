import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { describe, expect, test } from "vitest";
import { start } from "./testing/start.ts";

test("ordertracker 1.1 health", async () => {
  const { ask } = await start();
  const answer = await ask("GET /health");
  expect(answer).toMatchObject({ status: 200, headers: { "content-type": "application/json" } });
  expect(answer.body).toBe('{"status":"healthy","service":"OrderTracker"}');
});

test("ordertracker 7.11 /health is this system's own port's", async () => {
  const { ask } = await start({}, { alone: false });
  expect(await ask("GET /health")).toMatchObject({ status: 404, body: '{"detail":"Not Found"}' });
});

test.each(["GET /", "GET /nothing", "POST /users", "GET /orders/x/y"])(
  "ordertracker 1 unknown path: %s",
  async (request) => {
    const { ask } = await start();
    const answer = await ask(request);
    expect(answer).toMatchObject({ status: 404, headers: { "content-type": "application/json" } });
    expect(answer.body).toBe('{"detail":"Not Found"}');
  },
);

describe("ordertracker 7.6 routing", () => {
  test.each([
    ["GET /product", "POST"],
    ["OPTIONS /product", "POST"],
    ["DELETE /orders", "POST"],
    ["POST /order/update", "PUT"],
    ["GET /orders/u-1", "PATCH"],
    ["POST /users/a/orders/current", "GET"],
    ["OPTIONS /users/a/orders/current", "GET"],
    ["POST /health", "GET"],
  ])("ordertracker 7.6 %s is 405 with Allow: %s", async (request, allow) => {
    const { ask } = await start();
    const answer = await ask(request);
    expect(answer).toMatchObject({ status: 405, headers: { allow, "content-type": "application/json" } });
    expect(answer.body).toBe('{"detail":"Method Not Allowed"}');
    expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
  });

  test.each(["HEAD /health", "HEAD /users/a/orders/current"])("ordertracker 7.6 %s is 405", async (request) => {
    const { ask } = await start();
    expect(await ask(request)).toMatchObject({ status: 405, headers: { allow: "GET" }, body: "" });
  });

  test.each([
    ["POST /product/", "/product"],
    ["POST /orders/?a=1", "/orders?a=1"],
    ["PUT /order/update/", "/order/update"],
    ["GET /users/a/orders/current/", "/users/a/orders/current"],
    ["GET /product/", "/product"],
  ])("ordertracker 7.6 %s is 307 to an absolute Location without a body", async (request, path) => {
    const { ask, port } = await start();
    const answer = await ask(request, undefined, {});
    expect(answer).toMatchObject({ status: 307, body: "" });
    expect(answer.headers.location).toBe(`http://127.0.0.1:${port}${path}`);
    expect(answer.headers).not.toHaveProperty("content-type");
  });

  test.each(["/users/a%2Fb/orders/current", "/users/a%2fb/orders/current", "/users//orders/current"])(
    "ordertracker 7.6 %s is 404",
    async (path) => {
      const { ask } = await start();
      expect(await ask(`GET ${path}`)).toMatchObject({ status: 404, body: '{"detail":"Not Found"}' });
    },
  );
});

test("ordertracker 1 a path with bad percent-encoding is unknown, a bad timeout header is a bad request", async () => {
  const { ask } = await start();
  expect(await ask("GET /users/%zz/orders/current")).toMatchObject({ status: 404, json: { detail: "Not Found" } });
  expect(await ask("GET /users/a/orders/current", undefined, { "grpc-timeout": "soon" })).toMatchObject({
    status: 400,
    json: { detail: expect.any(String) },
  });
});

test("ordertracker 1 a query is ignored", async () => {
  const { ask } = await start();
  expect(await ask("GET /users/a/orders/current?user_name=b&x=%zz")).toMatchObject({
    status: 200,
    json: { message: "用户 'a' 当前没有进行中的任务" },
  });
});

test("ordertracker 1 who may not call reads it as a detail", async () => {
  const authenticate = () => {
    throw fail("UNAUTHENTICATED");
  };
  const { ask } = await start({}, { authenticate });
  expect(await ask("POST /product", {})).toMatchObject({
    status: 401,
    headers: { "www-authenticate": "Bearer" },
    json: { detail: "credentials are missing or not valid" },
  });
});

test("ordertracker 1 a body that is too large", async () => {
  const { ask } = await start({}, { maxBodyBytes: 100 });
  expect(await ask("POST /product", "x".repeat(101))).toMatchObject({
    status: 413,
    json: { detail: expect.any(String) },
  });
});
