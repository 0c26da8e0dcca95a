import type { EventBus, Subscription } from "@ordermesh/runtime/events/bus.ts";
import { openEmbeddedBus } from "@ordermesh/runtime/events/embedded-bus.ts";
import { externalMessageId } from "@ordermesh/runtime/events/message.ts";
import { integer, text } from "@ordermesh/runtime/store/column.ts";
import { startOutboxRelay } from "@ordermesh/runtime/store/outbox-relay.ts";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { quietLog } from "../../../test/support/open-database.ts";
import { temporaryDirectory } from "../../../test/support/temporary.ts";
import { asAdmin, openSeckill, type SeckillFixture } from "../rpc/testing/seckill-fixture.ts";
import { startSeckillConsumer } from "./seckill-consumer.ts";

const subject = "seckill.order.create";
let serial = 0;

function order(more: Record<string, unknown> = {}): Record<string, unknown> {
  const number = ++serial;
  return {
    order_id: `SK${number}`,
    product_id: 5_000_000 + number,
    user_id: 7000,
    quantity: 2,
    price: 1.25,
    message_type: "seckill_order",
    trace_id: "trace",
    ...more,
  };
}

describe.each(databaseKinds)("%s", (kind) => {
  let on: SeckillFixture;
  let bus: EventBus;
  let consumer: Subscription;

  beforeAll(async () => {
    on = await openSeckill(kind);
    bus = await openEmbeddedBus({ dataDir: temporaryDirectory("bus"), log: quietLog });
    for (const [name, subjects] of [
      ["SECKILL", "seckill.>"],
      ["EVENTS", "ordermesh.>"],
    ] as const) {
      await bus.ensureStream({ name, subjects: [subjects], maxAgeMs: 3_600_000, dedupeWindowMs: 60_000 });
    }
    consumer = await startSeckillConsumer({ database: on.database, bus, log: quietLog });
  });
  afterAll(async () => {
    await consumer.stop();
    await bus.close();
    await on.dispose();
  });

  let published = 0;

  /** Publishes, and waits until a good order sent after them stands. */
  async function deliver(...bodies: readonly (object | string)[]): Promise<void> {
    const last = order();
    const messages = [...bodies, last].map((body) => {
      const data = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
      return { subject, id: externalMessageId(subject, data, ++published), data };
    });
    await bus.publish(messages);
    await expect.poll(() => count("orders", "external_id", last.order_id), { timeout: 10_000 }).toBe(1);
  }

  async function count(table: string, column: string, value: unknown): Promise<number> {
    const sql = `select count(*) as n from ${table} where ${column} = ?`;
    const [row] = await on.database.read.all(sql, [String(value)]);
    return integer(row?.n);
  }

  async function failureOf(externalId: unknown): Promise<string[]> {
    const sql = "select failure_type from failures where external_order_id = ?";
    return (await on.database.read.all(sql, [String(externalId)])).map((row) => text(row.failure_type));
  }

  async function deadLetters(body: object | string): Promise<string[]> {
    const wanted = typeof body === "string" ? body : JSON.stringify(body);
    const all = await bus.deadLetters.list({ limit: 500 });
    return all.filter(({ data }) => Buffer.from(data).toString() === wanted).map(({ reason }) => reason);
  }

  test("minishop 2.3 success: the order, its line, history and event", async () => {
    const good = order();
    await deliver(good);
    const [row] = await on.database.read.all("select * from orders where external_id = ?", [String(good.order_id)]);
    expect(integer(row?.total_minor)).toBe(250);
    const id = text(row?.id);
    const [line] = await on.database.read.all("select * from order_lines where order_id = ?", [id]);
    expect(text(line?.product_name)).toBe(`Product-${good.product_id}`);
    expect(await count("order_history", "order_id", id)).toBe(1);
    expect(await count("order_lines", "order_id", id)).toBe(1);
  });

  test("minishop 2.3 a body that is not JSON goes to the dead letters with its bytes", async () => {
    await deliver("no JSON");
    await expect.poll(() => deadLetters("no JSON")).toEqual(["the body is not JSON"]);
  });

  test("minishop 2.3 an unknown message_type goes to the dead letters", async () => {
    const body = order({ message_type: "banana" });
    await deliver(body);
    await expect.poll(() => deadLetters(body)).toHaveLength(1);
  });

  test("minishop 2.3 a field of a wrong JSON type goes to the dead letters at once", async () => {
    const body = order({ quantity: "2" });
    await deliver(body);
    await expect.poll(() => deadLetters(body)).toEqual(["quantity has a wrong JSON type"]);
    expect(await failureOf(body.order_id)).toEqual([]);
  });

  test("minishop 2.3 a validation failure is dead-lettered and recorded once", async () => {
    const body = order({ quantity: 0 });
    await deliver(body, body);
    await expect.poll(() => deadLetters(body)).toHaveLength(2);
    expect(await failureOf(body.order_id)).toEqual(["VALIDATION"]);
  });

  test("minishop 2.3 another user's order id is dead-lettered and recorded", async () => {
    const mine = order();
    const theirs = { ...mine, user_id: 7001 };
    await deliver(mine, theirs);
    await expect.poll(() => deadLetters(theirs)).toEqual(["the order id belongs to another buyer or product"]);
    expect(await failureOf(mine.order_id)).toEqual(["CONFLICT"]);
    expect(await count("orders", "external_id", mine.order_id)).toBe(1);
  });

  test("minishop 2.3 a total beyond numeric(10,2) is dead-lettered and recorded", async () => {
    const body = order({ price: 99_999_999.99 });
    await deliver(body);
    expect(await failureOf(body.order_id)).toEqual(["CONSTRAINT"]);
  });

  test.each(["stock_update", "user_notify"])("minishop 2.3 %s is acknowledged without effect", async (message_type) => {
    const body = { message_type, product_id: 1, serial: ++serial };
    await deliver(body);
    expect(await deadLetters(body)).toEqual([]);
  });

  test("minishop 3.4 the same order id again is a duplicate, in one batch and in a later one", async () => {
    const body = order();
    await deliver(body, body);
    await deliver(body);
    expect(await count("orders", "external_id", body.order_id)).toBe(1);
    expect(await deadLetters(body)).toEqual([]);
  });

  test("minishop 3.4 another order id for the same sale, user and product is a conflict", async () => {
    const first = order();
    const second = { ...first, order_id: `SK${++serial}` };
    await deliver(first, second);
    expect(await count("orders", "external_id", second.order_id)).toBe(0);
    await expect.poll(() => deadLetters(second)).toEqual(["the buyer has another order in this sale"]);
    expect(await failureOf(second.order_id)).toEqual(["CONFLICT"]);
  });

  test("minishop 3.4 a message without an activity belongs to its product's sale and takes its stock", async () => {
    const body = order();
    const { activityId } = await on.sale({ productId: String(body.product_id), totalStock: 3n });
    const tooMany = { ...body, order_id: `SK${++serial}`, user_id: 7002 };
    await deliver(body, tooMany);
    expect(await on.stockOf(activityId)).toEqual([1, 2, 0]);
    await expect.poll(() => deadLetters(tooMany)).toEqual(["not enough stock"]);
    const sql = "select product_name from order_lines where product_id = ?";
    expect(text((await on.database.read.all(sql, [String(body.product_id)]))[0]?.product_name)).toBe("Lamp");
  });

  test("minishop 8.2 a second activity for the same product and user makes a second order", async () => {
    const first = { product_id: 6_000_000 + ++serial, user_id: 1, quantity: 1, unit_price: 2, seckill_id: 1 };
    await deliver(first, { ...first, seckill_id: 2 });
    expect(await count("order_lines", "product_id", first.product_id)).toBe(2);
  });

  test("our own purchases become orders, once, under the ids that they promised", async () => {
    const { activityId } = await on.sale();
    const bought = await on.buy(activityId, "b", 2n);
    const relay = startOutboxRelay({ database: on.database, bus, log: quietLog });
    await expect.poll(() => count("orders", "id", bought.orderId), { timeout: 10_000 }).toBe(1);
    await relay.stop();
    expect(await count("orders", "external_id", bought.externalOrderId)).toBe(1);
    expect(await on.stockOf(activityId)).toEqual([8, 2, 0]);
    const { reservation } = await on.seckill.getReservation({ reservationId: bought.reservationId }, asAdmin);
    expect(reservation?.orderId).toBe(bought.orderId);
    expect(await on.seckill.getActivityStats({ activityId }, asAdmin)).toMatchObject({
      orderCount: 1n,
      buyerCount: 1n,
    });
  });
});

test("minishop 2.3 while the database is away a message is tried again, bounded, then dead-lettered", async () => {
  const on = await openSeckill("sqlite");
  const bus = await openEmbeddedBus({ dataDir: temporaryDirectory("bus"), log: quietLog });
  onTestFinished(() => bus.close());
  await bus.ensureStream({ name: "SECKILL", subjects: ["seckill.>"], maxAgeMs: 3_600_000, dedupeWindowMs: 60_000 });
  await on.dispose();
  const settings = { maxDeliveries: 3, backoffMs: [10] };
  await startSeckillConsumer({ database: on.database, bus, log: quietLog, settings });
  await bus.publish([{ subject, id: "1", data: Buffer.from(JSON.stringify(order())) }]);
  await expect.poll(() => bus.deadLetters.list({ limit: 10 }), { timeout: 10_000 }).toHaveLength(1);
  const [dead] = await bus.deadLetters.list({ limit: 10 });
  expect(dead).toMatchObject({ attempts: 3, reason: "the database does not answer" });
});

test.each([
  ["wait a little while buyers come in a rush", 5000],
  ["do not wait for buyers where they are not to", 0],
])("orders %s", async (_what, longestRushMs) => {
  const on = await openSeckill("sqlite");
  onTestFinished(() => on.dispose());
  const bus = await openEmbeddedBus({ dataDir: temporaryDirectory("bus"), log: quietLog });
  onTestFinished(() => bus.close());
  for (const [name, subjects] of [
    ["SECKILL", "seckill.>"],
    ["EVENTS", "ordermesh.>"],
  ] as const) {
    await bus.ensureStream({ name, subjects: [subjects], maxAgeMs: 3_600_000, dedupeWindowMs: 60_000 });
  }
  let asked = 0;
  const rush = {
    get on() {
      asked += 1;
      return true;
    },
  };
  await startSeckillConsumer({ database: on.database, bus, log: quietLog, rush, settings: { longestRushMs } });
  const relay = startOutboxRelay({ database: on.database, bus, log: quietLog });
  onTestFinished(() => relay.stop());
  const { activityId } = await on.sale();
  const started = performance.now();
  await on.buy(activityId, "b");
  const made = async () => integer((await on.database.read.all("select count(*) as n from orders"))[0]?.n);
  await expect.poll(made).toBe(1);
  if (longestRushMs === 0) expect(asked).toBe(0);
  else expect(performance.now() - started).toBeGreaterThan(200);
});
