import { createMiniShopSurface } from "@ordermesh/gateway/surfaces/minishop/index.ts";
import { serve } from "@ordermesh/gateway/transcoder/testing/serve.ts";
import { createTranscoder } from "@ordermesh/gateway/transcoder/transcoder.ts";
import { seckillService } from "@ordermesh/order/rpc/seckill-service.ts";
import { orderMigrations } from "@ordermesh/order/store/migrations/index.ts";
import { localAdministrator } from "@ordermesh/runtime/auth/principal.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { registryOf } from "@ordermesh/runtime/rpc/testing/echo.ts";
import { expect, onTestFinished, test } from "vitest";
import { openFresh, quietLog } from "./support/open-database.ts";

/** MiniShop's flash-sale paths over the real service and a database. */
async function start() {
  const { database, dispose } = await openFresh("sqlite", orderMigrations);
  onTestFinished(dispose);
  const registry = await registryOf([seckillService({ database, log: quietLog })], { log: quietLog });
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
