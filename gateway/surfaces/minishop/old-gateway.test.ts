import { OrderService } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { SeckillService } from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import { anonymous } from "@ordermesh/runtime/auth/principal.ts";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { describe, expect, test } from "vitest";
import { exampleOrder, type ShopOptions, startShop } from "./testing/shop.ts";

const native: ShopOptions["native"] = {
  lookupOrder: async () => ({ order: exampleOrder() }),
  getProductSale: async () => ({}),
  purchase: async () => ({}),
  getPurchaseStats: async () => ({ waitingCount: 3n, freePlaces: 97n }),
};
const startGateway = (options: ShopOptions = {}) => startShop({ native, gateway: {}, ...options });
const purchase = '{"product_id":3001,"user_id":7000,"quantity":1}';

describe("minishop 1.6 health of the gateway", () => {
  test("minishop 1.6 GET /health of the gateway tells of each service, to anybody", async () => {
    const { send } = await startGateway({ authenticate: () => anonymous });
    const { status, headers, body } = await send("GET /health");
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("application/json; charset=utf-8");
    const service = { status: "healthy", status_code: 200, duration: expect.stringMatching(/^[0-9.]+ms$/) };
    expect(JSON.parse(body)).toEqual({
      message: "所有服务正常",
      services: { order: { ...service, url: "/api/v1/order" }, seckill: { ...service, url: "/api/v1/seckill" } },
      status: "healthy",
      summary: { healthy_services: 2, total_services: 2 },
    });
  });

  test("minishop 1.6 GET /health is 206 and degraded when one service does not answer", async () => {
    const { send } = await startGateway({ sick: [SeckillService] });
    const { status, body } = await send("GET /health");
    expect(status).toBe(206);
    expect(JSON.parse(body)).toMatchObject({
      services: {
        order: { status: "healthy" },
        seckill: { status: "unhealthy", status_code: 503, error: "it does not answer" },
      },
      status: "degraded",
      summary: { healthy_services: 1, total_services: 2 },
    });
  });

  test.each<[string, ShopOptions]>([
    ["none answers", { sick: [OrderService, SeckillService] }],
    ["none is ready", { ready: false }],
  ])("minishop 1.6 GET /health is 503 and critical when %s", async (_case, options) => {
    const { send } = await startGateway(options);
    const { status, body } = await send("GET /health");
    expect(status).toBe(503);
    expect(JSON.parse(body)).toMatchObject({ status: "critical", summary: { healthy_services: 0, total_services: 2 } });
  });

  test("minishop 1.6 the order service's own health stays behind its prefix", async () => {
    const { send } = await startGateway();
    expect((await send("GET /api/v1/order/health")).body).toBe('{"msg":"服务正常","status":"healthy"}');
    expect(JSON.parse((await send("GET /api/v1/seckill/health")).body)).toMatchObject({ service: "seckill-service" });
  });
});

describe("minishop 1.6 stats of the gateway", () => {
  test("minishop 1.6 GET /stats has where services are and what the limiter has left", async () => {
    const { send } = await startGateway();
    const { status, body } = await send("GET /stats");
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({
      code: 0,
      data: {
        limiter: { tokens: 97, waiting: 3 },
        services: { order: "/api/v1/order", seckill: "/api/v1/seckill" },
      },
      msg: "获取成功",
    });
  });

  test("minishop 8 W22 GET /stats is not for everybody", async () => {
    const { send, calls } = await startGateway({ authenticate: () => anonymous });
    expect(await send("GET /stats")).toMatchObject({ status: 401, body: '{"code":401,"error":"缺少认证token"}' });
    expect(calls).toEqual([]);
  });
});

describe("minishop 1.6 paths", () => {
  test.each([
    "GET /api/v1/order/orders/X",
    "GET /api/v1/order/api/v1/orders/X",
    "GET /api/v1/orders/X",
    "POST /api/v1/seckill/purchase",
    "POST /api/v1/seckill/api/v1/seckill/purchase",
  ])("minishop 1.6 %s is served on the gateway's port", async (request) => {
    const { send } = await startGateway();
    expect((await send(request, request.startsWith("POST") ? { body: purchase } : {})).status).toBe(200);
  });

  test.each([
    ["GET /", "/"],
    ["GET /api/v1/cache/get/a%3Cb", "/api/v1/cache/get/a%3Cb"],
    ["GET /api/v1/inventory/3001?x=1", "/api/v1/inventory/3001"],
    ["POST /health", "/health"],
    ["HEAD /health", "/health"],
    ["GET /health/", "/health/"],
  ])("minishop 9.8 the gateway's 404 of %s has the path", async (request, path) => {
    const { send } = await startGateway();
    const { status, headers, body } = await send(request);
    expect({ status, type: headers["content-type"] }).toEqual({ status: 404, type: "application/json; charset=utf-8" });
    if (!request.startsWith("HEAD")) expect(body).toBe(`{"code":404,"error":"接口不存在","path":"${path}"}`);
  });

  test.each(["GET /api/v1/order/nothing", "GET /api/v1/seckill/nothing"])(
    "minishop 1.1 what a service does not know is its own 404 text: %s",
    async (request) => {
      const { send } = await startGateway();
      expect(await send(request)).toMatchObject({ status: 404, body: "404 page not found" });
    },
  );

  test.each([
    "GET /api/v1/order/orders/X",
    "GET /api/v1/orders/X",
    "POST /api/v1/seckill/purchase",
    "POST /api/v1/seckill/api/v1/seckill/purchase",
  ])("minishop 1.6 %s without a token is 401 in the gateway's body", async (request) => {
    const { send } = await startGateway({
      authenticate: () => {
        throw fail("UNAUTHENTICATED");
      },
    });
    expect(await send(request)).toMatchObject({ status: 401, body: '{"code":401,"error":"缺少认证token"}' });
    expect(await send(request, { headers: { authorization: "bad" } })).toMatchObject({
      status: 401,
      body: '{"code":401,"error":"token验证失败"}',
    });
  });

  test("minishop 1.6 an error behind the gateway is the service's own", async () => {
    const { send } = await startGateway({
      native: {
        lookupOrder: async () => {
          throw fail("RATE_LIMITED", { retryAfterMs: 1500 });
        },
      },
    });
    expect(await send("GET /api/v1/order/orders/X")).toMatchObject({
      status: 429,
      headers: { "retry-after": "2" },
      body: '{"error":"请求过于频繁，请稍后重试"}',
    });
  });

  test.each<Record<string, string>>([
    { timestamp: "1", nonce: "n", signature: "bad" },
    { "x-user-id": "8", "x-trace-id": "gateway-1" },
  ])("minishop 1.6, 8 W23 the headers %o prove nothing, harm nothing and do not come back", async (own) => {
    const { send } = await startGateway();
    const { status, headers } = await send("GET /api/v1/order/orders/X", { headers: own });
    expect(status).toBe(200);
    for (const name of Object.keys(own)) expect(headers).not.toHaveProperty(name);
  });
});

describe("minishop 1.6 CORS of the gateway", () => {
  const gateway = { origins: ["https://shop.example"] };

  test.each(["/api/v1/order/orders/X", "/health", "/nothing"])(
    "minishop 1.6 CORS: OPTIONS %s is 204, and lets a listed origin in",
    async (path) => {
      const { send } = await startGateway({ gateway });
      expect(await send(`OPTIONS ${path}`, { headers: { origin: "https://shop.example" } })).toMatchObject({
        status: 204,
        headers: {
          "access-control-allow-origin": "https://shop.example",
          "access-control-allow-credentials": "true",
          "access-control-allow-headers": expect.stringContaining("Authorization"),
          "access-control-max-age": "86400",
          vary: "Origin",
        },
      });
    },
  );

  test("minishop 1.6 CORS: a page that is not listed reads no reply", async () => {
    const { send } = await startGateway({ gateway });
    const { status, headers } = await send("GET /api/v1/order/orders/X", {
      headers: { origin: "https://evil.example" },
    });
    expect(status).toBe(200);
    expect(headers).not.toHaveProperty("access-control-allow-origin");
    expect(headers).not.toHaveProperty("access-control-allow-credentials");
  });

  test("minishop 1.6 CORS: behind seckill the service's own `*` stays", async () => {
    const { send } = await startGateway({ gateway });
    const { headers } = await send("GET /api/v1/seckill/stats/1", { headers: { origin: "https://evil.example" } });
    expect(headers["access-control-allow-origin"]).toBe("*");
  });
});
