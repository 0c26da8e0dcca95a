import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary.ts";
import type { EventBus } from "../bus.ts";
import {
  type Broker,
  consumerOf,
  type Fixture,
  newStream,
  numbered,
  recorder,
  startChild,
  textOf,
  until,
} from "./harness.ts";

/** Prepares a store and closes the bus, so that a child can open it. */
async function prepared<T>(broker: Broker, prepare: (bus: EventBus) => Promise<T>): Promise<T> {
  const bus = await broker.open();
  try {
    return await prepare(bus);
  } finally {
    await bus.close();
  }
}

export function crashes({ startBroker }: Fixture): void {
  describe("crashes", () => {
    test("a batch in the hands of a killed process comes again, acknowledged ones do not", async () => {
      const broker = await startBroker();
      const stream = await prepared(broker, async (bus) => {
        const stream = await newStream(bus);
        await bus.publish(numbered(`${stream.at}.x`, 30));
        return stream;
      });
      const spec = consumerOf(stream, { batchSize: 10, ackWaitMs: 1000 });
      const child = startChild({ kind: "hold", address: broker.address, stream, spec });
      await until(() => child.reports.includes("kept"));
      const acknowledged = new Set(child.reports.filter((report) => report !== "kept"));
      const kept = child.reports.length - acknowledged.size;
      await child.kill();
      const bus = await broker.open();
      const { seen, batches, handler } = recorder();
      await bus.subscribe(spec, handler);
      await until(() => seen.length >= 30 - acknowledged.size);
      await bus.close();
      await broker.stop();
      expect(seen.map(textOf).filter((text) => acknowledged.has(text))).toEqual([]);
      expect(new Set(seen.map(textOf)).size).toBe(30 - acknowledged.size);
      // Each of those that were in its hands comes alone.
      const again = seen.filter(({ attempt }) => attempt === 2).length;
      expect(again).toBeGreaterThanOrEqual(kept);
      expect(batches.filter((size) => size === 1).length).toBeGreaterThanOrEqual(again);
    });

    test("a message that kills its process is dead after its deliveries, and its neighbours are handled", async () => {
      const broker = await startBroker();
      const stream = await prepared(broker, async (bus) => {
        const stream = await newStream(bus);
        const messages = numbered(`${stream.at}.x`, 20);
        messages.splice(7, 0, { subject: `${stream.at}.x`, id: "k1", data: Buffer.from("kill") });
        messages.splice(12, 0, { subject: `${stream.at}.x`, id: "k2", data: Buffer.from("kill") });
        await bus.publish(messages);
        return stream;
      });
      const spec = consumerOf(stream, { batchSize: 100, ackWaitMs: 500, maxDeliveries: 2 });
      const handled: string[] = [];
      let deaths = 0;
      for (;;) {
        const child = startChild({ kind: "die", address: broker.address, stream, spec });
        const died = await Promise.race([
          child.gone.then(() => true),
          until(() => handled.length + child.reports.length >= 20, 15_000).then(() => false),
        ]);
        if (!died) await new Promise((resolve) => setTimeout(resolve, 1500));
        await child.kill();
        handled.push(...child.reports);
        if (!died) break;
        if (++deaths > 6) throw new Error(`died ${deaths} times`);
      }
      const letters = await prepared(broker, (bus) => bus.deadLetters.list({ stream: stream.name, limit: 50 }));
      await broker.stop();
      expect(letters.map(textOf)).toEqual(["kill", "kill"]);
      expect(letters[0]?.reason).toBe("not settled in 2 deliveries");
      expect(handled.sort()).toEqual(Array.from({ length: 20 }, (_, i) => String(i)).sort());
    });

    test("5,000 effects happen exactly once though publisher and consumer are killed three times", {
      timeout: 90_000,
    }, async () => {
      const broker = await startBroker();
      const stream = await prepared(broker, (bus) => newStream(bus));
      const file = join(temporaryDirectory("effects"), "effects.sqlite");
      const spec = consumerOf(stream, { batchSize: 100, ackWaitMs: 1000, maxDeliveries: 4 });
      const total = 5000;
      const start = () => startChild({ kind: "effects", address: broker.address, stream, spec, file, total });
      for (let i = 0; i < 3; i++) {
        const child = start();
        await until(() => child.reports.length >= 8);
        await child.kill();
      }
      const last = start();
      const db = new DatabaseSync(file, { readOnly: true });
      const effects = () => db.prepare("select count(*) as n, max(times) as most from effect").get();
      await until(() => effects()?.n === total, 60_000);
      await last.kill();
      expect({ ...effects() }).toEqual({ n: total, most: 1 });
      db.close();
      const dead = await prepared(broker, (bus) => bus.deadLetters.list({ stream: stream.name, limit: 1 }));
      await broker.stop();
      expect(dead).toEqual([]);
    });
  });
}
