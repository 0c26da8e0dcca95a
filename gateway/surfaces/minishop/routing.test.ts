import { anonymous, type Principal } from "@ordermesh/runtime/auth/principal.ts";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { describe, expect, test } from "vitest";
import { exampleOrder, type ShopOptions, startShop } from "./testing/shop.ts";

const native: ShopOptions["native"] = {
  lookupOrder: async () => ({ order: exampleOrder() }),
  listOrders: async () => ({ totalSize: 0n }),
  getDailyStats: async () => ({}),
  listFailures: async () => ({ totalSize: 0n }),
  retryFailure: async () => ({}),
  getProductSale: async () => ({}),
};
const user: Principal = { id: "7000", roles: new Set(["user"]), kind: "jwt", seesPersonalData: true };

describe("minishop 1.1 paths", () => {
  test.each([
    "GET /api/v1/orders/",
    "GET /api/v1/orders",
    "POST /api/v1/orders/1",
    "HEAD /api/v1/orders/1",
    "OPTIONS /api/v1/orders/1",
    "OPTIONS /api/v1/failures",
    "GET /api/v1/nothing",
    "GET /api/v1/seckill/nothing",
    "GET /health",
  ])("minishop 1.1 %s is the 404 text", async (request) => {
    const { send } = await startShop({ native });
    const { status, headers, body } = await send(request);
    expect({ status, type: headers["content-type"] }).toEqual({ status: 404, type: "text/plain" });
    if (!request.startsWith("HEAD")) expect(body).toBe("404 page not found");
  });

  test("minishop 9.1 a GET with a slash too many is 301 with HTML, a relative Location and the query", async () => {
    const { send } = await startShop({ native });
    const { status, headers, body } = await send("GET /api/v1/failures/?page=2");
    expect(status).toBe(301);
    expect(headers.location).toBe("/api/v1/failures?page=2");
    expect(body).toBe('<a href="/api/v1/failures?page=2">Moved Permanently</a>.\n\n');
  });

  test("minishop 9.1 another method is 307 without body, content type and CORS headers", async () => {
    const { send } = await startShop({ native });
    const { status, headers, body } = await send("POST /api/v1/seckill/purchase/", { body: "{}" });
    expect({ status, body, location: headers.location }).toEqual({
      status: 307,
      body: "",
      location: "/api/v1/seckill/purchase",
    });
    expect(headers).not.toHaveProperty("content-type");
    expect(headers).not.toHaveProperty("access-control-allow-origin");
  });

  test.each([
    ["GET /api/v1/users//orders", "用户ID不能为空"],
    ["PUT /api/v1/orders//cancel", "订单ID不能为空"],
    ["POST /api/v1/failures//retry", "失败记录ID不能为空"],
  ])("minishop 9.2 %s is 400 %s", async (request, error) => {
    const { send } = await startShop({ native });
    expect(await send(request)).toMatchObject({ status: 400, body: JSON.stringify({ error }) });
  });
});

describe("minishop 9.13 CORS", () => {
  test.each(["/api/v1/seckill/purchase", "/api/v1/system/health", "/api/v1/seckill/nothing"])(
    "minishop 9.13 OPTIONS %s is 204 with CORS headers",
    async (path) => {
      const { send } = await startShop();
      expect(await send(`OPTIONS ${path}`)).toMatchObject({
        status: 204,
        headers: {
          "access-control-allow-origin": "*",
          "access-control-allow-methods": "GET, POST, PUT, DELETE, OPTIONS",
          "access-control-allow-headers": "Content-Type, Authorization",
        },
      });
    },
  );

  test("minishop 9.13 flash-sale replies carry CORS headers, order replies none", async () => {
    const { send } = await startShop({ native });
    expect((await send("GET /api/v1/seckill/stats/1")).headers["access-control-allow-origin"]).toBe("*");
    expect((await send("GET /api/v1/orders/1")).headers).not.toHaveProperty("access-control-allow-origin");
  });
});

describe("minishop 1.6 the old gateway's forms", () => {
  test.each([
    "GET /api/v1/order/orders/X",
    "GET /api/v1/order/users/7000/orders",
    "GET /api/v1/order/stats/orders?date=2030-05-04",
    "GET /api/v1/order/failures",
    "POST /api/v1/order/failures/5/retry",
    "GET /api/v1/order/health",
    "GET /api/v1/order/api/v1/orders/X",
    "GET /api/v1/order/api/v1/users/7000/orders",
    "GET /api/v1/seckill/api/v1/seckill/stats/3001",
    "GET /api/v1/seckill/api/v1/system/health",
  ])("minishop 1.6 %s is served", async (request) => {
    const { send } = await startShop({ native });
    expect((await send(request)).status).toBe(200);
  });

  test("minishop 9.8 behind the prefix a missing or bad token is 401 in the gateway's shape", async () => {
    const { send } = await startShop({
      authenticate: () => {
        throw fail("UNAUTHENTICATED");
      },
    });
    expect(await send("GET /api/v1/order/health")).toMatchObject({
      status: 401,
      body: '{"code":401,"error":"缺少认证token"}',
    });
    expect(await send("GET /api/v1/order/health", { headers: { authorization: "Bearer x" } })).toMatchObject({
      status: 401,
      body: '{"code":401,"error":"token验证失败"}',
    });
  });
});

describe("minishop 1.3 O1", () => {
  test("minishop 1.4 O1 is healthy on MiniShop's own port", async () => {
    const { send } = await startShop({ alone: true, authenticate: () => anonymous });
    const { status, body } = await send("GET /health");
    expect({ status, body }).toEqual({ status: 200, body: '{"msg":"服务正常","status":"healthy"}' });
  });

  test("minishop 1.3 O1 is 503 when not ready", async () => {
    const { send } = await startShop({ alone: true, ready: false });
    const { status, body } = await send("GET /health");
    expect({ status, body }).toEqual({ status: 503, body: '{"msg":"服务异常","status":"unhealthy"}' });
  });
});

describe("minishop 8 W22", () => {
  test.each([
    "PUT /api/v1/orders/1/status",
    "GET /api/v1/stats/orders?date=2030-05-04",
    "GET /api/v1/failures",
    "POST /api/v1/failures/5/retry",
    "POST /api/v1/seckill/activity/prewarm",
    "DELETE /api/v1/seckill/activity/1",
  ])("minishop 8 W22 %s is refused to a user", async (request) => {
    const { send, calls } = await startShop({ native, authenticate: () => user });
    expect((await send(request)).status).toBe(403);
    expect(calls).toEqual([]);
  });

  test("minishop 8 W22 a user's call reaches the native services as that user's", async () => {
    let id = "";
    const lookupOrder: NonNullable<ShopOptions["native"]>["lookupOrder"] = async (_request, context) => {
      id = context.principal.id;
      throw fail("PERMISSION_DENIED");
    };
    const { send } = await startShop({ native: { lookupOrder }, authenticate: () => user });
    expect(await send("GET /api/v1/orders/1")).toMatchObject({ status: 403, body: '{"error":"没有权限"}' });
    expect(id).toBe("7000");
  });
});
