import { fork } from "node:child_process";
import { once } from "node:events";
import { startSeckillConsumer } from "@ordermesh/order/events/seckill-consumer.ts";
import { orderMigrations } from "@ordermesh/order/store/migrations/index.ts";
import type { EventBus } from "@ordermesh/runtime/events/bus.ts";
import { externalMessageId } from "@ordermesh/runtime/events/message.ts";
import { openBus } from "@ordermesh/runtime/events/open-bus.ts";
import { integer } from "@ordermesh/runtime/store/column.ts";
import { expect, onTestFinished, test } from "vitest";
import { startNats } from "../support/nats.ts";
import { openForTest, quietLog } from "../support/open-database.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const orders = 20_000;
const poisonOfEachKind = orders / 100;
const poisonKinds = 6;
const subject = "seckill.order.create";

/** Both shapes by turns, every twentieth twice, and one in a hundred a poison of each kind. */
function bodies(): string[] {
  const all: string[] = [];
  for (let i = 1; i <= orders; i++) {
    const common = { product_id: 3000 + (i % 7), user_id: i, quantity: 1 + (i % 3) };
    const code = { ...common, order_id: `SK${i}`, price: 1.25, message_type: "seckill_order" };
    const body = JSON.stringify(i % 2 === 0 ? code : { ...common, unit_price: 1.25 });
    all.push(body);
    if (i % 20 === 0) all.push(body);
  }
  const good = { product_id: 1, user_id: 1, quantity: 1, price: 1, message_type: "seckill_order" };
  const every = Math.floor(all.length / poisonOfEachKind);
  for (let n = 0; n < poisonOfEachKind; n++) {
    const poison = [
      `no JSON ${n}`,
      JSON.stringify({ ...good, order_id: `P1-${n}`, message_type: "banana" }),
      JSON.stringify({ ...good, order_id: `P2-${n}`, quantity: "1" }),
      JSON.stringify({ ...good, order_id: `P3-${n}`, quantity: 0 }),
      JSON.stringify({ ...good, order_id: `P4-${n}`, price: 1e12 }),
      JSON.stringify({ ...good, order_id: "SK2", user_id: 999_999 + n }),
    ];
    all.splice(n * (every + poison.length) + every, 0, ...poison);
  }
  return all;
}

test.each([
  ["sqlite", "embedded"],
  ["mysql", "jetstream"],
  ["postgres", "jetstream"],
] as const)(
  "minishop 8.2 exactly the orders on %s and %s, though the consumer is killed three times",
  async (kind, busKind) => {
    const { database, fresh } = await openForTest(kind, orderMigrations);
    const nats = busKind === "jetstream" ? await startNats() : undefined;
    onTestFinished(async () => nats?.stop());
    const natsUrl = nats?.url;
    const busDir = temporaryDirectory("bus");
    const count = async (table: string): Promise<number> =>
      integer((await database.read.all(`select count(*) as n from ${table}`))[0]?.n);

    const publisher = await openBus({ natsUrl, dataDir: busDir, log: quietLog });
    await publisher.ensureStream({
      name: "SECKILL",
      subjects: ["seckill.>"],
      maxAgeMs: 3_600_000,
      dedupeWindowMs: 60_000,
    });
    const messages = bodies().map((body, at) => {
      const data = Buffer.from(body);
      return { subject, id: externalMessageId(subject, data, at), data };
    });
    await publisher.publish(messages);
    await publisher.close();

    const argument = JSON.stringify({ url: fresh.url, directory: fresh.directory, natsUrl, busDir });
    for (const killAt of [500, 6000, 12_000]) {
      const child = fork(new URL("./seckill-consumer-child.ts", import.meta.url), [argument], { execArgv: [] });
      onTestFinished(() => void child.kill("SIGKILL"));
      const gone = once(child, "exit");
      await expect.poll(() => count("orders"), { timeout: 30_000, interval: 5 }).toBeGreaterThan(killAt);
      child.kill("SIGKILL");
      await gone;
    }
    expect(await count("orders")).toBeLessThan(orders);

    const bus = await openBus({ natsUrl, dataDir: busDir, log: quietLog });
    onTestFinished(() => bus.close());
    const settings = { ackWaitMs: 2000, batchSize: 100 };
    await startSeckillConsumer({ database, bus, log: quietLog, settings });
    await expect.poll(() => count("orders"), { timeout: 60_000 }).toBe(orders);
    const kinds = poisonKinds * poisonOfEachKind;
    await expect.poll(() => countDead(bus), { timeout: 60_000, interval: 500 }).toBe(kinds);

    expect(await count("order_lines")).toBe(orders);
    expect(await count("order_history")).toBe(orders);
    expect(await count("reservations")).toBe(orders);
    // No order can be named for what is no JSON, of another type, or wrongly typed.
    expect(await count("failures")).toBe(3 * poisonOfEachKind);
    const [stats] = await database.read.all("select sum(total_orders) as n, sum(total_minor) as t from daily_stats");
    const [sum] = await database.read.all("select sum(total_minor) as t from orders");
    expect([Number(stats?.n), Number(stats?.t)]).toEqual([orders, Number(sum?.t)]);
    expect(await count(database.tables.outbox)).toBeGreaterThanOrEqual(orders);
  },
  120_000,
);

/** Distinct messages among the dead letters. */
async function countDead(bus: EventBus): Promise<number> {
  const seen = new Set<string>();
  for (let after = 0; ; ) {
    const page = await bus.deadLetters.list({ after, limit: 500 });
    for (const { data } of page) seen.add(Buffer.from(data).toString());
    const last = page.at(-1);
    if (last === undefined) return seen.size;
    after = last.sequence;
  }
}
