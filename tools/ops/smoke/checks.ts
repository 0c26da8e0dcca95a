import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { SmokeClient } from "./client.ts";

/** The mesh answers, and not as it has to. */
export class CheckFailure extends Error {}

/** An order that was accepted stands in the order book by then (milliseconds). */
const orderWithinMs = 15_000;

const activitySchema = z.object({
  activityId: z.string().min(1),
  stock: z.object({ free: z.string().default("0") }).default({ free: "0" }),
});
const reservationSchema = z.object({ orderId: z.string().min(1), state: z.literal("RESERVATION_STATE_RESERVED") });
const orderSchema = z.object({ orderId: z.string(), buyerId: z.string(), status: z.string() });
const ordersSchema = z.object({ orders: z.array(orderSchema).default([]) });

/**
 * Health, then a sale of one piece and its purchase: through the edge, gateway, order service, database, events and back.
 * What was created has to appear, and goes again: the order is cancelled, the stock given back, the sale closed. Throws
 * CheckFailure.
 */
export async function smokeTest(client: SmokeClient, say: (line: string) => void): Promise<void> {
  const name = `smoke-${randomBytes(6).toString("hex")}`;
  await expectStatus(client, "GET", "/healthz");
  say("it is healthy");
  const sale = {
    productId: name,
    productName: "Smoke test",
    price: { currency: "CNY", minorUnits: "1" },
    totalStock: "1",
    prewarm: true,
    endsAt: new Date(Date.now() + 600_000).toISOString(),
  };
  const { activityId } = await ask(client, activitySchema, "POST", "/v1/seckill/activities", sale);
  const path = `/v1/seckill/activities/${activityId}`;
  try {
    const purchase = { buyerId: name, quantity: "1" };
    const { orderId } = await ask(client, reservationSchema, "POST", `${path}:purchase`, purchase);
    say(`sale ${activityId} is open, and its one piece bought`);
    try {
      const { status } = await orderOf(client, name, orderId);
      if (status !== "ORDER_STATUS_PENDING") throw new CheckFailure(`order ${orderId} is ${status}, not pending`);
      say(`order ${orderId} is in the list of its buyer`);
    } finally {
      await ask(client, orderSchema, "POST", `/v1/orders/${orderId}:cancel`, { reason: "smoke test" });
    }
    const { stock } = await ask(client, activitySchema, "GET", path);
    if (stock.free !== "1")
      throw new CheckFailure(`${stock.free} pieces are free after the order was cancelled, not 1`);
    say("the order is cancelled, its piece is free again");
  } finally {
    await ask(client, activitySchema, "POST", `${path}:close`, {});
    say("the sale is closed");
  }
}

/** The order as the list of its buyer shows it, once it does. */
async function orderOf(client: SmokeClient, buyer: string, orderId: string): Promise<z.infer<typeof orderSchema>> {
  for (const until = Date.now() + orderWithinMs; ; ) {
    const { orders } = await ask(client, ordersSchema, "GET", `/v1/orders?buyerId=${buyer}`);
    const found = orders.find((order) => order.orderId === orderId);
    if (found !== undefined && found.buyerId === buyer) return found;
    if (Date.now() > until)
      throw new CheckFailure(`order ${orderId} is not in the list of its buyer after ${orderWithinMs} ms`);
    await sleep(100);
  }
}

async function ask<T>(
  client: SmokeClient,
  schema: z.ZodType<T>,
  method: "GET" | "POST",
  path: string,
  body?: object,
): Promise<T> {
  const answer = await expectStatus(client, method, path, body);
  const read = schema.safeParse(answer);
  if (!read.success) throw new CheckFailure(`${method} ${path} answers ${JSON.stringify(answer).slice(0, 300)}`);
  return read.data;
}

async function expectStatus(
  client: SmokeClient,
  method: "GET" | "POST",
  path: string,
  body?: object,
): Promise<unknown> {
  let answer: Awaited<ReturnType<SmokeClient["ask"]>>;
  try {
    answer = await client.ask(method, path, body);
  } catch (error) {
    throw new CheckFailure(
      `${method} ${path} has no answer: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (answer.status === 200) return answer.body;
  throw new CheckFailure(
    `${method} ${path} answers ${answer.status}, not 200: ${JSON.stringify(answer.body).slice(0, 300)}`,
  );
}
