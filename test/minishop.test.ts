import { createMiniShopSurface } from "@ordermesh/gateway/surfaces/minishop/index.ts";
import { serve } from "@ordermesh/gateway/transcoder/testing/serve.ts";
import { createTranscoder } from "@ordermesh/gateway/transcoder/transcoder.ts";
import { failureService } from "@ordermesh/order/rpc/failure-service.ts";
import { orderService } from "@ordermesh/order/rpc/order-service.ts";
import { seckillService } from "@ordermesh/order/rpc/seckill-service.ts";
import { orderMigrations } from "@ordermesh/order/store/migrations/index.ts";
import { localAdministrator } from "@ordermesh/runtime/auth/principal.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { registryOf } from "@ordermesh/runtime/rpc/testing/echo.ts";
import { expect, onTestFinished, test } from "vitest";
import { openFresh, quietLog } from "./support/open-database.ts";

/** MiniShop's paths over the real services and a database. */
async function start() {
  const { database, dispose } = await openFresh("sqlite", orderMigrations);
  onTestFinished(dispose);
  const services = [
    orderService({ database }),
    seckillService({ database, log: quietLog }),
    failureService({ database, log: quietLog }),
  ];
  const registry = await registryOf(services, { log: quietLog });
  const caller = localCaller(registry, "rest");
  const surface = createMiniShopSurface({ caller, currency: "CNY", readiness: { status: () => "SERVING" } });
  const transcoder = createTranscoder({
    surfaces: [surface],
    caller,
    authenticate: () => localAdministrator,
    log: quietLog,
  });
  return await serve((request, response) => void transcoder.handle(request, response));
}

const activity = '{"product_id":3001,"product_name":"Lamp","price":12.5,"stock":2,"status":"active"}';

test("minishop 1.5 a sale from prewarm to clean-up", async () => {
  const { send } = await start();
  const buy = (user: number, quantity = 1) =>
    send("POST /api/v1/seckill/purchase", {
      body: `{"product_id":3001,"user_id":${user},"quantity":${quantity}}`,
    });
  const json = async (request: string) => JSON.parse((await send(request)).body);

  expect(JSON.parse((await buy(7000)).body)).toMatchObject({ code: -1 });
  const prewarm = (body: string) => send("POST /api/v1/seckill/activity/prewarm", { body });
  const done = { status: 200, body: '{"message":"Activity prewarmed successfully","product_id":3001,"stock":2}' };
  expect(await prewarm(activity)).toMatchObject(done);
  expect(await prewarm(activity)).toMatchObject(done);
  expect((await prewarm(activity.replace("12.5", "13"))).status).toBe(409);

  const bought = await buy(7000);
  expect(bought.status).toBe(200);
  expect(JSON.parse(bought.body)).toEqual({
    code: 1,
    message: "秒杀成功",
    success: true,
    remaining_stock: 1,
    order_id: expect.stringMatching(/^.{1,59}$/),
  });
  expect(await buy(7000)).toMatchObject({ status: 409, body: expect.stringContaining('"code":-3') });
  expect(await buy(7001, 2)).toMatchObject({ status: 409, body: expect.stringContaining('"code":-2') });

  expect(await json("GET /api/v1/seckill/stats/3001")).toMatchObject({
    current_stock: 1,
    user_count: 1,
    activity_info: { product_id: 3001, price: 12.5, stock: 2, status: "active", start_time: "0001-01-01T00:00:00Z" },
  });
  expect(await json("GET /api/v1/seckill/purchased/3001/7000")).toMatchObject({ purchased: true });
  expect(await json("GET /api/v1/seckill/purchase/3001/7000")).toMatchObject({ quantity: 1, status: "success" });

  expect((await send("DELETE /api/v1/seckill/activity/3001")).status).toBe(200);
  expect((await send("DELETE /api/v1/seckill/activity/3001")).status).toBe(200);
  expect(await json("GET /api/v1/seckill/stats/3001")).toMatchObject({ current_stock: 0, user_count: 0 });
  expect((await buy(7002)).status).toBe(400);
  expect(await prewarm(activity)).toMatchObject(done);
  expect((await buy(7000)).status).toBe(200);
});

test("minishop 1.5 asynchronous purchases are durable when accepted, their outcome is readable, and S9 counts them", async () => {
  const { send } = await start();
  await send("POST /api/v1/seckill/activity/prewarm", { body: activity });
  const data = async (request: string) => JSON.parse((await send(request)).body);
  const buyers = [7000, 7001, 7002, 7000];
  for (const user of buyers) {
    const body = `{"product_id":3001,"user_id":${user},"quantity":1}`;
    expect((await send("POST /api/v1/seckill/purchase/async", { body })).status).toBe(202);
  }

  expect(await data("GET /api/v1/seckill/stats/3001")).toMatchObject({ current_stock: 0, user_count: 2 });
  expect(await data("GET /api/v1/seckill/purchased/3001/7000")).toMatchObject({ purchased: true });
  expect(await data("GET /api/v1/seckill/purchased/3001/7002")).toMatchObject({ purchased: false });
  expect(await data("GET /api/v1/seckill/purchase/3001/7001")).toMatchObject({ quantity: 1, status: "success" });
  expect(await data("GET /api/v1/seckill/purchase/3001/7002")).toMatchObject({ quantity: 0, status: "none" });

  const { service_stats, queue_stats, circuit_breaker_state, limiter_tokens } = await data("GET /api/v1/system/stats");
  expect(service_stats).toMatchObject({
    TotalRequests: 4,
    SuccessRequests: 2,
    FailedRequests: 2,
    QueueFullRequests: 0,
  });
  expect(queue_stats).toMatchObject({ TotalRequests: 4, ProcessedRequests: 4, QueuedRequests: 0 });
  expect(queue_stats.AverageWaitTime).toBeGreaterThan(0);
  expect(queue_stats.MaxWaitTime).toBeGreaterThanOrEqual(queue_stats.AverageWaitTime);
  expect({ circuit_breaker_state, limiter_tokens }).toEqual({
    circuit_breaker_state: "CLOSED",
    limiter_tokens: 10_000,
  });
});

test("minishop 1.6 X-Trace-ID is not needed: the order has the trace that began at the edge", async () => {
  const { send } = await start();
  await send("POST /api/v1/seckill/activity/prewarm", { body: activity });
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01`, "x-trace-id": "gateway-1" };
  const body = '{"product_id":3001,"user_id":7000,"quantity":1}';
  const bought = await send("POST /api/v1/seckill/purchase", { body, headers });
  expect(bought.headers).not.toHaveProperty("x-trace-id");
  const { order_id } = JSON.parse(bought.body);
  expect(JSON.parse((await send(`GET /api/v1/orders/${order_id}`)).body).data.trace_id).toBe(trace);
});

test("minishop 9.10 the window check answers 400 with -5 or -6", async () => {
  const { send } = await start();
  const buy = async (product: number) => {
    const body = `{"product_id":${product},"user_id":1,"quantity":1}`;
    const answer = await send("POST /api/v1/seckill/purchase", { body });
    return { status: answer.status, code: JSON.parse(answer.body).code };
  };
  const prewarm = (window: string) =>
    send("POST /api/v1/seckill/activity/prewarm", { body: `{"stock":1,"price":1,${window}}` });
  expect((await prewarm('"product_id":1,"start_time":"2130-05-04T10:00:00+08:00"')).status).toBe(200);
  expect((await prewarm('"product_id":2,"end_time":"2020-05-04T10:00:00Z"')).status).toBe(200);
  expect(await buy(1)).toEqual({ status: 400, code: -5 });
  expect(await buy(2)).toEqual({ status: 400, code: -6 });
});

test("minishop 1.3 an order from purchase to cancellation", async () => {
  const { send } = await start();
  await send("POST /api/v1/seckill/activity/prewarm", { body: activity });
  const bought = await send("POST /api/v1/seckill/purchase", {
    body: '{"product_id":3001,"user_id":7000,"quantity":1}',
  });
  const order = `/api/v1/orders/${JSON.parse(bought.body).order_id}`;
  const data = async (request: string) => JSON.parse((await send(request)).body).data;

  expect(await data(`GET ${order}`)).toMatchObject({ user_id: 7000, status: "pending", price: 12.5, deleted_at: null });
  const move = (status: string) => send(`PUT ${order}/status`, { body: `{"status":"${status}"}` });
  expect(await move("paid")).toMatchObject({ status: 200, body: '{"code":0,"msg":"更新成功"}' });
  expect((await move("paid")).status).toBe(200);
  expect(await move("pending")).toMatchObject({
    status: 409,
    body: '{"error":"订单状态不能从 paid 变更为 pending"}',
  });
  expect(await data("GET /api/v1/users/7000/orders?status=paid")).toMatchObject({
    orders: [{ status: "paid", paid_at: expect.any(String), order_items: [{ product_id: 3001 }] }],
    total: 1,
  });
  expect((await send(`PUT ${order}/cancel`, { body: '{"reason":"wrong colour"}' })).status).toBe(200);
  expect(await send(`PUT ${order}/cancel`)).toMatchObject({ status: 409, body: '{"error":"订单已取消"}' });
  expect((await send("GET /api/v1/seckill/stats/3001")).body).toContain('"current_stock":2,"user_count":0');

  const day = (await data(`GET ${order}`)).created_at.slice(0, 10);
  expect(await data(`GET /api/v1/stats/orders?date=${day}`)).toMatchObject({ total_orders: 1, total_amount: 12.5 });
  expect(await data("GET /api/v1/stats/orders?date=2001-02-03")).toMatchObject({ id: 0, total_orders: 0 });
  expect(await data("GET /api/v1/failures")).toEqual({ failures: [], page: 1, pageSize: 10, total: 0 });
  expect((await send("POST /api/v1/failures/5/retry")).status).toBe(404);
  expect((await send("GET /api/v1/orders/none")).status).toBe(404);
});
