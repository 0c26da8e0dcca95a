import { Code } from "@connectrpc/connect";
import { anonymous } from "@ordermesh/runtime/auth/principal.ts";
import { defineErrors } from "@ordermesh/runtime/errors/define.ts";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { runtimeErrors } from "@ordermesh/runtime/errors/runtime-errors.ts";
import { describe, expect, test } from "vitest";
import { startShop } from "./testing/shop.ts";

const path = "POST /api/v1/seckill/purchase/async";
const body = '{"product_id":3001,"user_id":7000,"quantity":1}';
const accepted = {
  status: 202,
  body: '{"message":"Request accepted and will be processed asynchronously","product_id":3001,"user_id":7000}',
};
const saleErrors = defineErrors({
  OUT_OF_STOCK: { code: Code.FailedPrecondition, text: "sold out" },
  ALREADY_PURCHASED: { code: Code.AlreadyExists, text: "bought" },
  ACTIVITY_NOT_FOUND: { code: Code.NotFound, text: "none" },
  SALE_ENDED: { code: Code.FailedPrecondition, text: "over" },
});

function shopWhosePurchase(error: Error) {
  return startShop({
    native: {
      purchase: async () => {
        throw error;
      },
    },
  });
}

describe("minishop 1.5 S3", () => {
  test("minishop 1.5 S3 is 202 once the purchase is durable", async () => {
    let durable = false;
    const { send, calls } = await startShop({
      native: {
        purchase: async () => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          durable = true;
          return {};
        },
      },
    });
    expect(await send(path, { body })).toMatchObject(accepted);
    expect(durable).toBe(true);
    expect(calls[0]?.request).toMatchObject({ productId: "3001", buyerId: "7000", quantity: 1n });
  });

  test("minishop 1.6 S3 behind the old gateway's doubled path", async () => {
    const { send } = await startShop({ native: { purchase: async () => ({}) } });
    expect(await send("POST /api/v1/seckill/api/v1/seckill/purchase/async", { body })).toMatchObject(accepted);
  });

  test.each(Object.values(saleErrors))("minishop 1.5 S3 does not tell the outcome $reason", async (definition) => {
    const { send } = await shopWhosePurchase(fail(definition));
    expect(await send(path, { body })).toMatchObject(accepted);
  });

  test("minishop 1.5 S3 takes a quantity that no sale has, and asks nobody", async () => {
    const { send, calls } = await startShop();
    expect(await send(path, { body: body.replace('"quantity":1', '"quantity":9000000000000000000') })).toMatchObject(
      accepted,
    );
    expect(calls).toEqual([]);
  });

  test.each([
    ["QUEUE_FULL", "queue is full"],
    ["RATE_LIMITED", "rate limited"],
    ["STORE_UNAVAILABLE", "queue is closed"],
    ["SHUTTING_DOWN", "queue is closed"],
    ["DEADLINE_EXCEEDED", "request timeout"],
  ] as const)("minishop 1.5 S3 is 503 for %s: nothing is accepted that may be lost", async (reason, details) => {
    const { send } = await shopWhosePurchase(fail(runtimeErrors[reason], { retryAfterMs: 2500 }));
    expect(await send(path, { body })).toMatchObject({
      status: 503,
      headers: { "retry-after": "3" },
      body: `{"details":"${details}","error":"Service unavailable"}`,
    });
  });

  test.each([
    ["no body", undefined, "Invalid request format"],
    ["a number in quotes", body.replace("3001", '"3001"'), "Invalid request format"],
    ["no quantity", '{"product_id":3001,"user_id":7000}', "Invalid parameters"],
    ["a negative user", body.replace("7000", "-1"), "Invalid parameters"],
  ])("minishop 1.5 S3 %s is 400", async (_case, bad, error) => {
    const { send, calls } = await startShop();
    const reply = await send(path, bad === undefined ? {} : { body: bad });
    expect({ status: reply.status, error: JSON.parse(reply.body).error }).toEqual({ status: 400, error });
    expect(calls).toEqual([]);
  });

  test("minishop 8 W22 S3 needs a caller, and a bug in it is 500", async () => {
    const nobody = await startShop({ authenticate: () => anonymous });
    expect((await nobody.send(path, { body })).status).toBe(401);
    const broken = await shopWhosePurchase(new Error("a bug"));
    const reply = await broken.send(path, { body });
    expect({ status: reply.status, error: JSON.parse(reply.body).error }).toEqual({
      status: 500,
      error: "Internal server error",
    });
  });
});
