import { Code } from "@connectrpc/connect";
import { ActivityState, ReservationState } from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import { anonymous } from "@ordermesh/runtime/auth/principal.ts";
import { defineErrors, type ErrorSpec } from "@ordermesh/runtime/errors/define.ts";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { runtimeErrors } from "@ordermesh/runtime/errors/runtime-errors.ts";
import { describe, expect, test } from "vitest";
import { at, exampleActivity, type ShopOptions, startShop } from "./testing/shop.ts";

const purchasePath = "/api/v1/seckill/purchase";
const purchaseBody = '{"product_id":3001,"user_id":7000,"quantity":1}';
const prewarmPath = "/api/v1/seckill/activity/prewarm";
const prewarmBody =
  '{"product_id":3001,"product_name":"Lamp","price":12.5,"stock":2,"start_time":"2030-05-04T10:00:00Z",' +
  '"end_time":"2030-05-04T11:00:00Z","status":"active"}';

const reservation = {
  reservationId: "rsv_1",
  buyerId: "7000",
  productId: "3001",
  quantity: 1n,
  state: ReservationState.RESERVED,
  externalOrderId: "SK1",
  remainingStock: 1n,
  createdAt: at("2030-05-04T10:00:01Z"),
};
const sale: ShopOptions["native"] = {
  getProductSale: async ({ buyerId }) => ({
    activity: exampleActivity,
    buyerCount: 1n,
    reservation: buyerId === "7000" ? reservation : undefined,
  }),
};
const noSale: ShopOptions["native"] = { getProductSale: async () => ({}) };
const closedSale: ShopOptions["native"] = {
  getProductSale: async () => ({ activity: { ...exampleActivity, state: ActivityState.CLOSED }, reservation }),
};

/** The native services' refusal with this reason. */
function refusal(reason: string, spec: Partial<ErrorSpec> = {}, metadata?: Record<string, string>) {
  const known = (runtimeErrors as Record<string, (typeof runtimeErrors)["INTERNAL"]>)[reason];
  const text = "native text";
  const definition = known ?? defineErrors({ [reason]: { code: Code.FailedPrecondition, text, ...spec } })[reason];
  if (definition === undefined) throw new Error("no definition");
  return async (): Promise<never> => {
    throw fail(definition, { metadata });
  };
}

describe("minishop 1.5 S1", () => {
  test("minishop 1.5 S1 is healthy, with the time in whole seconds", async () => {
    const { send } = await startShop();
    const { status, body } = await send("GET /api/v1/system/health");
    expect(status).toBe(200);
    expect(body).toMatch(/^\{"service":"seckill-service","status":"healthy","timestamp":"[0-9-]+T[0-9:]{8}Z"\}$/);
  });

  test("minishop 1.5 S1 is 503 when not ready", async () => {
    const { send } = await startShop({ ready: false });
    const { status, body } = await send("GET /api/v1/system/health");
    expect(status).toBe(503);
    expect(JSON.parse(body)).toEqual({
      error: "service is not ready",
      status: "unhealthy",
      timestamp: expect.any(String),
    });
  });
});

describe("minishop 1.5 S2", () => {
  test("minishop 1.5 S2 succeeds with the order id in its channel", async () => {
    const { send, calls } = await startShop({ native: { purchase: async () => ({ reservation }) } });
    expect(await send(`POST ${purchasePath}`, { body: purchaseBody })).toMatchObject({
      status: 200,
      body: '{"code":1,"message":"秒杀成功","success":true,"remaining_stock":1,"order_id":"SK1"}',
    });
    expect(calls[0]?.request).toMatchObject({ productId: "3001", activityId: "", buyerId: "7000", quantity: 1n });
  });

  test.each([
    ["ACTIVITY_NOT_FOUND", -1, "商品不存在", 400],
    ["OUT_OF_STOCK", -2, "库存不足", 409],
    ["ALREADY_PURCHASED", -3, "您已经购买过了", 409],
    ["SALE_NOT_STARTED", -5, "活动尚未开始", 400],
    ["SALE_ENDED", -6, "活动已结束", 400],
    ["PURCHASE_LIMIT", -7, "购买数量无效", 400],
    ["STORE_UNAVAILABLE", -8, "系统错误", 503],
    ["BUS_UNAVAILABLE", -8, "系统错误", 503],
    ["RATE_LIMITED", -9, "请求过于频繁，请稍后重试", 429],
    ["QUEUE_FULL", -9, "系统繁忙，请稍后重试", 429],
    ["DEADLINE_EXCEEDED", -10, "请求超时", 504],
  ])("minishop 1.5 S2 %s is code %i, %s, status %i", async (reason, code, message, status) => {
    const { send } = await startShop({ native: { purchase: refusal(reason) } });
    expect(await send(`POST ${purchasePath}`, { body: purchaseBody })).toMatchObject({
      status,
      body: JSON.stringify({ code, message, success: false, remaining_stock: 0 }),
    });
  });

  test("minishop 1.5 S2 says when to come again", async () => {
    const { send } = await startShop({ native: { purchase: refusal("QUEUE_FULL") } });
    expect((await send(`POST ${purchasePath}`, { body: purchaseBody })).headers["retry-after"]).toBe("1");
  });

  test("minishop 1.5 S2 a quantity beyond any stock is out of stock", async () => {
    const { send, calls } = await startShop();
    const body = '{"product_id":1,"user_id":1,"quantity":9223372036854775807}';
    expect((await send(`POST ${purchasePath}`, { body })).status).toBe(409);
    expect(calls).toEqual([]);
  });

  test.each([
    ["absent", undefined],
    ["no JSON", "{"],
    ["with a quoted number", '{"product_id":"3001","user_id":7000,"quantity":1}'],
    ["with a fraction", '{"product_id":1.0,"user_id":7000,"quantity":1}'],
    ["with a number beyond int64", '{"product_id":9223372036854775808,"user_id":1,"quantity":1}'],
    ["that is a list", "[]"],
  ])("minishop 1.5 S2 a body %s is 400 with details", async (_name, body) => {
    const { send } = await startShop();
    const answer = await send(`POST ${purchasePath}`, { body });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toEqual({ error: "Invalid request format", details: expect.stringMatching(/./) });
  });

  test.each(["{}", "null", '{"product_id":1,"user_id":1}', '{"product_id":1,"user_id":-1,"quantity":1}'])(
    "minishop 1.5 S2 %s has invalid parameters",
    async (body) => {
      const { send } = await startShop();
      const answer = await send(`POST ${purchasePath}`, { body });
      expect(answer).toMatchObject({ status: 400, body: '{"error":"Invalid parameters"}' });
    },
  );

  test("minishop 1.5 S2 a bug is 500 in the error shape", async () => {
    const purchase = async () => {
      throw new Error("secret");
    };
    const { send } = await startShop({ native: { purchase } });
    const { status, headers, body } = await send(`POST ${purchasePath}`, { body: purchaseBody });
    expect(status).toBe(500);
    expect(JSON.parse(body)).toEqual({
      error: "Internal server error",
      details: `trace_id: ${headers["x-request-id"]}`,
    });
  });
});

describe("minishop 1.5 S4", () => {
  const native: ShopOptions["native"] = { createActivity: async () => ({ activity: exampleActivity }) };
  const done = '{"message":"Activity prewarmed successfully","product_id":3001,"stock":2}';

  test("minishop 1.5 S4 opens a sale at once", async () => {
    const { send, calls } = await startShop({ native });
    expect(await send(`POST ${prewarmPath}`, { body: prewarmBody })).toMatchObject({ status: 200, body: done });
    expect(calls[0]?.request).toMatchObject({
      productId: "3001",
      productName: "Lamp",
      price: { currency: "CNY", minorUnits: 1250n },
      totalStock: 2n,
      startsAt: at("2030-05-04T10:00:00Z"),
      endsAt: at("2030-05-04T11:00:00Z"),
      prewarm: true,
      label: "active",
    });
  });

  test("minishop 1.5 S4 absent and zero times leave the window open", async () => {
    const { send, calls } = await startShop({ native });
    const body = '{"product_id":3001,"stock":2,"start_time":"0001-01-01T00:00:00Z","end_time":null}';
    expect((await send(`POST ${prewarmPath}`, { body })).status).toBe(200);
    expect(calls[0]?.request).not.toHaveProperty("startsAt");
    expect(calls[0]?.request).not.toHaveProperty("endsAt");
    expect(calls[0]?.request).toMatchObject({ price: { minorUnits: 0n } });
  });

  test("minishop 9.7 S4 rounds a price of more decimals half up", async () => {
    const { send, calls } = await startShop({ native });
    await send(`POST ${prewarmPath}`, { body: '{"product_id":3001,"stock":2,"price":5.555}' });
    expect(calls[0]?.request).toMatchObject({ price: { minorUnits: 556n } });
  });

  test("minishop 1.5 S4 an identical second prewarm is 200", async () => {
    const createActivity = refusal("SALE_OPEN", { code: Code.AlreadyExists }, { identical: "true" });
    const { send } = await startShop({ native: { createActivity } });
    expect(await send(`POST ${prewarmPath}`, { body: prewarmBody })).toMatchObject({ status: 200, body: done });
  });

  test("minishop 1.5 S4 another prewarm of a live sale is 409", async () => {
    const createActivity = refusal("SALE_OPEN", { code: Code.AlreadyExists }, { identical: "false" });
    const { send } = await startShop({ native: { createActivity } });
    const answer = await send(`POST ${prewarmPath}`, { body: prewarmBody });
    expect(answer.status).toBe(409);
    expect(JSON.parse(answer.body)).toEqual({ error: "Activity already prewarmed", details: "native text" });
  });

  test.each([
    ['{"product_id":0,"stock":2}', "Invalid parameters"],
    ['{"product_id":1,"stock":0}', "Invalid parameters"],
    ['{"product_id":1,"stock":1,"price":-1}', "Invalid parameters"],
    ['{"product_id":1,"stock":1,"start_time":"tomorrow"}', "Invalid request format"],
    ['{"product_id":1,"stock":1,"price":"12.5"}', "Invalid request format"],
    ["null", "Invalid parameters"],
    [undefined, "Invalid request format"],
  ])("minishop 1.5 S4 the body %s is 400 %s", async (body, error) => {
    const { send } = await startShop({ native });
    const answer = await send(`POST ${prewarmPath}`, { body });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ error });
  });

  test("minishop 1.5 S4 a failure inside has its literal", async () => {
    const { send } = await startShop({ native: { createActivity: refusal("STORE_UNAVAILABLE") } });
    const answer = await send(`POST ${prewarmPath}`, { body: prewarmBody });
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body)).toMatchObject({ error: "Failed to prewarm activity" });
  });
});

describe("minishop 1.5 S5 to S8", () => {
  const zeros =
    '{"product_id":3001,"current_stock":0,"user_count":0,"activity_info":{"product_id":0,"product_name":"",' +
    '"price":0,"stock":0,"start_time":"0001-01-01T00:00:00Z","end_time":"0001-01-01T00:00:00Z","status":""}}';

  test("minishop 9.15 S5 current_stock is what is free", async () => {
    const { send } = await startShop({ native: sale });
    expect((await send("GET /api/v1/seckill/stats/3001")).body).toBe(
      '{"product_id":3001,"current_stock":1,"user_count":1,"activity_info":{"product_id":3001,"product_name":"Lamp",' +
        '"price":12.5,"stock":2,"start_time":"2030-05-04T10:00:00Z","end_time":"2030-05-04T11:00:00Z",' +
        '"status":"active"}}',
    );
  });

  test.each([
    ["never sold", noSale],
    ["cleaned up", closedSale],
  ])("minishop 1.5 S5 a product %s has zeros", async (_name, native) => {
    const { send } = await startShop({ native });
    expect(await send("GET /api/v1/seckill/stats/3001")).toMatchObject({ status: 200, body: zeros });
  });

  test("minishop 1.5 S6 tells whether the user has bought", async () => {
    const { send } = await startShop({ native: sale });
    const yes = '{"product_id":3001,"purchased":true,"user_id":7000}';
    expect((await send("GET /api/v1/seckill/purchased/3001/7000")).body).toBe(yes);
    expect((await send("GET /api/v1/seckill/purchased/3001/7001")).body).toContain('"purchased":false');
  });

  test("minishop 1.5 S7 answers from the reservation", async () => {
    const { send } = await startShop({ native: sale });
    expect((await send("GET /api/v1/seckill/purchase/3001/7000")).body).toBe(
      '{"user_id":7000,"product_id":3001,"quantity":1,"purchase_time":"2030-05-04T10:00:01Z","status":"success"}',
    );
  });

  test("minishop 1.5 S7 invents no purchase", async () => {
    const { send } = await startShop({ native: noSale });
    expect(await send("GET /api/v1/seckill/purchase/3001/7000")).toMatchObject({
      status: 200,
      body: '{"user_id":7000,"product_id":3001,"quantity":0,"purchase_time":"0001-01-01T00:00:00Z","status":"none"}',
    });
  });

  test("minishop 1.5 S8 closes the product's open sale", async () => {
    const { send, calls } = await startShop({ native: { ...sale, closeActivity: async () => ({}) } });
    expect(await send("DELETE /api/v1/seckill/activity/3001")).toMatchObject({
      status: 200,
      body: '{"message":"Activity cleaned up successfully","product_id":3001}',
    });
    expect(calls[1]).toMatchObject({ method: "closeActivity", request: { activityId: "act_1" } });
  });

  test("minishop 1.5 S8 is 200 also when there is nothing to close", async () => {
    const { send, calls } = await startShop({ native: noSale });
    expect((await send("DELETE /api/v1/seckill/activity/3001")).status).toBe(200);
    expect(calls).toHaveLength(1);
  });

  test.each([
    ["GET /api/v1/seckill/stats/x", "Invalid product ID"],
    ["GET /api/v1/seckill/stats/-1", "Invalid product ID"],
    ["GET /api/v1/seckill/purchased/x/1", "Invalid product ID"],
    ["GET /api/v1/seckill/purchased/1/x", "Invalid user ID"],
    ["GET /api/v1/seckill/purchase/1/9223372036854775808", "Invalid user ID"],
    ["DELETE /api/v1/seckill/activity/x", "Invalid product ID"],
  ])("minishop 1.5 %s is 400", async (request, error) => {
    const { send } = await startShop();
    expect(await send(request)).toMatchObject({ status: 400, body: JSON.stringify({ error }) });
  });

  test.each([
    ["GET /api/v1/seckill/stats/1", "Failed to get seckill stats"],
    ["DELETE /api/v1/seckill/activity/1", "Failed to cleanup activity"],
  ])("minishop 1.5 %s tells a failure inside as %s", async (request, error) => {
    const { send } = await startShop({ native: { getProductSale: refusal("STORE_UNAVAILABLE") } });
    expect(JSON.parse((await send(request)).body)).toMatchObject({ error });
  });

  test("minishop 8 W22 nobody buys or prewarms without credentials", async () => {
    const { send } = await startShop({ authenticate: () => anonymous });
    for (const path of [purchasePath, prewarmPath])
      expect((await send(`POST ${path}`, { body: "{}" })).status).toBe(401);
  });
});
