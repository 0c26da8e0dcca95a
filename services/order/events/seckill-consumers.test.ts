import { externalMessageId } from "@ordermesh/runtime/events/message.ts";
import { openBus } from "@ordermesh/runtime/events/open-bus.ts";
import { integer } from "@ordermesh/runtime/store/column.ts";
import { describe, expect, onTestFinished, test } from "vitest";
import type { DatabaseKind } from "../../../test/support/databases.ts";
import { startNats } from "../../../test/support/nats.ts";
import { openForTest, openOn, quietLog } from "../../../test/support/open-database.ts";
import { orderMigrations } from "../store/migrations/index.ts";
import { createActivity } from "../store/sales.ts";
import { startSeckillConsumer } from "./seckill-consumer.ts";

const orders = 1500;
const subject = "seckill.order.create";
const settings = { batchSize: 40, concurrency: 3, backoffMs: [50] };

function order(n: number, more: object = {}): string {
  const body = { order_id: `SK${n}`, product_id: 100 + (n % 5), user_id: n, quantity: 1, price: 2.5, ...more };
  return JSON.stringify({ ...body, message_type: "seckill_order" });
}

/** Each order twice, so close that both are in hands at once; poison between, and conflicts well after what they contradict. */
function bodies(): { all: string[]; poison: number } {
  const all: string[] = [];
  let poison = 0;
  for (let n = 1; n <= orders; n++) {
    all.push(order(n));
    if (n > 30) all.push(order(n - 30, { trace_id: "again" }));
    if (n % 50 !== 0) continue;
    all.push(order(200_000 + n, { quantity: 0 }));
    poison++;
    if (n <= 500) continue;
    all.push(order(n - 500, { user_id: 900_000 + n }), order(300_000 + n, { user_id: n - 500 }));
    poison += 2;
  }
  return { all, poison };
}

/** Two instances, each with connections of its own to database and bus; `start` publishes and lets them consume. */
async function twoInstances(kind: DatabaseKind) {
  const { database, fresh } = await openForTest(kind, orderMigrations);
  const second = await openOn(fresh);
  onTestFinished(() => second.close());
  const nats = await startNats();
  onTestFinished(() => nats.stop());
  const open = () => openBus({ natsUrl: nats.url, dataDir: "", log: quietLog });
  const [bus, other] = await Promise.all([open(), open()]);
  onTestFinished(async () => void (await Promise.all([bus.close(), other.close()])));
  await bus.ensureStream({ name: "SECKILL", subjects: ["seckill.>"], maxAgeMs: 3_600_000, dedupeWindowMs: 60_000 });
  return {
    database,
    start: async (bodies: readonly string[]) => {
      const messages = bodies.map((body, at) => {
        const data = Buffer.from(body);
        return { subject, id: externalMessageId(subject, data, at), data };
      });
      await bus.publish(messages);
      await startSeckillConsumer({ database, bus, log: quietLog, settings });
      await startSeckillConsumer({ database: second, bus: other, log: quietLog, settings });
    },
    deadLetters: async () => (await bus.deadLetters.list({ limit: 500 })).length,
    count: async (table: string) => integer((await database.read.all(`select count(*) as n from ${table}`))[0]?.n),
  };
}

describe.each(["mysql", "postgres"] as const)("%s", (kind) => {
  test("minishop 8.2 two instances with concurrent batches make each order once, whatever comes twice or is poison", async () => {
    const { database, start, deadLetters, count } = await twoInstances(kind);
    const { all, poison } = bodies();
    await start(all);
    await expect.poll(() => count("orders"), { timeout: 30_000 }).toBe(orders);
    await expect.poll(() => count("failures"), { timeout: 30_000 }).toBe(poison);
    await expect.poll(deadLetters, { timeout: 30_000 }).toBe(poison);
    expect(await count("order_lines")).toBe(orders);
    expect(await count("order_history")).toBe(orders);
    expect(await count("reservations")).toBe(orders);
    const [stats] = await database.read.all("select sum(total_orders) as n, sum(total_minor) as t from daily_stats");
    expect([Number(stats?.n), Number(stats?.t)]).toEqual([orders, orders * 250]);
  }, 90_000);

  test("minishop 3.4 two instances with concurrent batches sell no more than a sale has", async () => {
    const { database, start, deadLetters, count } = await twoInstances(kind);
    const terms = { productId: "77", productName: "Lamp", currency: "CNY", priceMinor: 250, total: 100 };
    const more = { perUserLimit: 1, startsAt: null, endsAt: null, label: "" };
    const { id } = await createActivity(database, { ...terms, ...more }, true, {});
    await start(Array.from({ length: 400 }, (_, n) => order(n + 1, { product_id: 77 })));
    await expect.poll(deadLetters, { timeout: 30_000 }).toBe(300);
    expect(await count("orders")).toBe(100);
    expect(await count("reservations")).toBe(100);
    const [stock] = await database.read.all("select free, reserved, sold from activities where id = ?", [id]);
    expect([integer(stock?.free), integer(stock?.reserved), integer(stock?.sold)]).toEqual([0, 100, 0]);
  }, 90_000);
});
