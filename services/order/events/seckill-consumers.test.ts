import { externalMessageId } from "@ordermesh/runtime/events/message.ts";
import { openBus } from "@ordermesh/runtime/events/open-bus.ts";
import { integer } from "@ordermesh/runtime/store/column.ts";
import { describe, expect, onTestFinished, test } from "vitest";
import { startNats } from "../../../test/support/nats.ts";
import { openForTest, openOn, quietLog } from "../../../test/support/open-database.ts";
import { orderMigrations } from "../store/migrations/index.ts";
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

describe.each(["mysql", "postgres"] as const)("%s", (kind) => {
  test("minishop 8.2 two instances with concurrent batches make each order once, whatever comes twice or is poison", async () => {
    const { database, fresh } = await openForTest(kind, orderMigrations);
    const second = await openOn(fresh);
    onTestFinished(() => second.close());
    const nats = await startNats();
    onTestFinished(() => nats.stop());
    const buses = await Promise.all([1, 2].map(() => openBus({ natsUrl: nats.url, dataDir: "", log: quietLog })));
    const [bus, other] = buses;
    if (bus === undefined || other === undefined) throw new Error("two buses");
    onTestFinished(async () => void (await Promise.all(buses.map((one) => one.close()))));
    await bus.ensureStream({ name: "SECKILL", subjects: ["seckill.>"], maxAgeMs: 3_600_000, dedupeWindowMs: 60_000 });
    const { all, poison } = bodies();
    const messages = all.map((body, at) => {
      const data = Buffer.from(body);
      return { subject, id: externalMessageId(subject, data, at), data };
    });
    await bus.publish(messages);
    await Promise.all([
      startSeckillConsumer({ database, bus, log: quietLog, settings }),
      startSeckillConsumer({ database: second, bus: other, log: quietLog, settings }),
    ]);

    const count = async (table: string): Promise<number> =>
      integer((await database.read.all(`select count(*) as n from ${table}`))[0]?.n);
    await expect.poll(() => count("orders"), { timeout: 30_000 }).toBe(orders);
    await expect.poll(() => count("failures"), { timeout: 30_000 }).toBe(poison);
    const dead = async () => (await bus.deadLetters.list({ limit: 500 })).length;
    await expect.poll(dead, { timeout: 30_000 }).toBe(poison);
    for (const table of ["order_lines", "order_history", "reservations", database.tables.outbox]) {
      expect(await count(table)).toBeGreaterThanOrEqual(orders);
    }
    expect(await count("order_lines")).toBe(orders);
    expect(await count("reservations")).toBe(orders);
    const [stats] = await database.read.all("select sum(total_orders) as n, sum(total_minor) as t from daily_stats");
    expect([Number(stats?.n), Number(stats?.t)]).toEqual([orders, orders * 250]);
  }, 90_000);
});
