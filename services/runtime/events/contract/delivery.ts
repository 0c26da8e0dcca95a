import { describe, expect, test } from "vitest";
import type { BatchHandler, Outcome } from "../bus.ts";
import {
  ack,
  consumerOf,
  type Fixture,
  message,
  newStream,
  numbered,
  recorder,
  sleep,
  textOf,
  until,
} from "./harness.ts";

export function delivery({ bus }: Fixture): void {
  describe("delivery", () => {
    test("hands over batches no larger than asked for", async () => {
      const stream = await newStream(bus());
      await bus().publish(numbered(`${stream.at}.x`, 95));
      const { seen, batches, handler } = recorder();
      await bus().subscribe(consumerOf(stream, { batchSize: 10 }), handler);
      await until(() => seen.length === 95);
      expect(Math.max(...batches)).toBe(10);
    });

    test("gives one subscription one batch at a time", async () => {
      const stream = await newStream(bus());
      await bus().publish(numbered(`${stream.at}.x`, 60));
      let running = 0;
      let most = 0;
      let seen = 0;
      const handler: BatchHandler = async (batch) => {
        most = Math.max(most, ++running);
        await sleep(5);
        running--;
        seen += batch.length;
        return batch.map(() => ack);
      };
      await bus().subscribe(consumerOf(stream, { batchSize: 5 }), handler);
      await until(() => seen === 60);
      expect(most).toBe(1);
    });

    test("hands over no more batches at a time than allowed, and one beside another only when it is full", async () => {
      const stream = await newStream(bus());
      await bus().publish(numbered(`${stream.at}.x`, 62));
      const seen: string[] = [];
      const beside: number[] = [];
      let running = 0;
      let most = 0;
      const handler: BatchHandler = async (batch) => {
        if (running > 0) beside.push(batch.length);
        most = Math.max(most, ++running);
        await sleep(20);
        running--;
        seen.push(...batch.map(textOf));
        return batch.map(() => ack);
      };
      await bus().subscribe(consumerOf(stream, { batchSize: 5, concurrency: 3 }), handler);
      await until(() => seen.length === 62);
      expect(new Set(seen).size).toBe(62);
      expect(most).toBe(bus().kind === "embedded" ? 1 : 3);
      expect(beside.filter((size) => size < 5)).toEqual([]);
    });

    test("gives way to work that comes first, and catches up when it is done", async () => {
      const stream = await newStream(bus());
      let busy = true;
      const { seen, handler } = recorder();
      await bus().subscribe(
        consumerOf(stream, { giveWayTo: { busy: () => busy, batchMs: 1900, atMostMs: 1900 } }),
        handler,
      );
      await bus().publish(numbered(`${stream.at}.x`, 120));
      await sleep(300);
      expect(seen).toEqual([]);
      busy = false;
      await until(() => seen.length === 120);
      expect(seen.map(textOf)).toEqual(Array.from({ length: 120 }, (_, index) => String(index)));
    });

    test("gives way once and no longer than it may, until it has caught up", async () => {
      const stream = await newStream(bus());
      const { seen, handler } = recorder();
      const giveWayTo = { busy: () => true, batchMs: 300, atMostMs: 300 };
      await bus().subscribe(consumerOf(stream, { batchSize: 1, giveWayTo }), handler);
      const round = async (upTo: number) => {
        const started = performance.now();
        await bus().publish(numbered(`${stream.at}.${upTo}`, 20));
        await until(() => seen.length === upTo);
        return performance.now() - started;
      };
      for (const upTo of [20, 40]) {
        const took = await round(upTo);
        // Not 300 ms for each of its batches.
        expect(took).toBeGreaterThan(290);
        expect(took).toBeLessThan(3000);
      }
    });

    test("a batch that has given way for its time is handled, though the other work goes on", async () => {
      const stream = await newStream(bus());
      const { seen, batches, handler } = recorder();
      const giveWayTo = { busy: () => true, batchMs: 100, atMostMs: 1900 };
      await bus().subscribe(consumerOf(stream, { batchSize: 10, giveWayTo }), handler);
      const started = performance.now();
      await bus().publish(numbered(`${stream.at}.x`, 50));
      await until(() => seen.length === 50);
      expect(performance.now() - started).toBeGreaterThan(batches.length * 100 - 50);
    });

    test("a subscription that gives way stops at once and leaves its messages to others", async () => {
      const stream = await newStream(bus());
      const first = recorder();
      const giveWayTo = { busy: () => true, batchMs: 1900, atMostMs: 1900 };
      const waiting = await bus().subscribe(consumerOf(stream, { giveWayTo }), first.handler);
      await bus().publish(numbered(`${stream.at}.x`, 10));
      await sleep(100);
      await waiting.stop();
      const second = recorder();
      await bus().subscribe(consumerOf(stream), second.handler);
      await until(() => second.seen.length === 10);
      expect(first.seen).toEqual([]);
    });

    test("a redelivered message never shares the handler with another batch", async () => {
      const stream = await newStream(bus());
      await bus().publish(numbered(`${stream.at}.x`, 60));
      let done = 0;
      let running = 0;
      let besideRedelivered = 0;
      let redeliveredRuns = false;
      const handler: BatchHandler = async (batch) => {
        const again = batch.some(({ attempt }) => attempt > 1);
        if (running > 0 && (again || redeliveredRuns)) besideRedelivered++;
        running++;
        redeliveredRuns = again;
        await sleep(10);
        running--;
        redeliveredRuns = false;
        const outcomes = batch.map(({ attempt, sequence }): Outcome => {
          return attempt === 1 && sequence % 3 === 0 ? { kind: "retry", reason: "later", delayMs: 15 } : ack;
        });
        done += outcomes.filter(({ kind }) => kind === "ack").length;
        return outcomes;
      };
      await bus().subscribe(consumerOf(stream, { batchSize: 5, concurrency: 2 }), handler);
      await until(() => done === 60);
      expect(besideRedelivered).toBe(0);
    });

    test.each([
      ["one token by *", [".*.paid"], ["a.paid", "b.paid"]],
      ["the rest by >", [".a.>"], ["a.paid", "a.b.paid"]],
      ["several filters", [".b.paid", ".a.b.*"], ["b.paid", "a.b.paid"]],
    ])("filters by %s", async (_, filters, expected) => {
      const stream = await newStream(bus());
      const subjects = ["a.paid", "b.paid", "a.b.paid", "paid", "a"];
      await bus().publish(subjects.map((subject) => message(`${stream.at}.${subject}`, subject)));
      const { seen, handler } = recorder();
      const spec = consumerOf(stream, { subjects: filters.map((filter) => stream.at + filter) });
      await bus().subscribe(spec, handler);
      await until(() => seen.length === expected.length);
      await sleep(50);
      expect(seen.map(textOf)).toEqual(expected);
    });

    test("passes over more foreign messages than it reads at a time", async () => {
      const stream = await newStream(bus());
      await bus().publish([...numbered(`${stream.at}.other`, 1200), message(`${stream.at}.mine`, "here")]);
      const { seen, handler } = recorder();
      await bus().subscribe(consumerOf(stream, { subjects: [`${stream.at}.mine`] }), handler);
      await until(() => seen.length === 1);
    });

    test("every durable consumer gets every message", async () => {
      const stream = await newStream(bus());
      const [one, two] = [recorder(), recorder()];
      await bus().subscribe(consumerOf(stream, { durable: "one" }), one.handler);
      await bus().publish(numbered(`${stream.at}.x`, 20));
      await bus().subscribe(consumerOf(stream, { durable: "two" }), two.handler);
      await until(() => one.seen.length === 20 && two.seen.length === 20);
    });

    test("two subscriptions of one durable share the messages", async () => {
      const stream = await newStream(bus());
      const [one, two] = [recorder(), recorder()];
      const slow =
        (handler: BatchHandler): BatchHandler =>
        async (batch) => {
          await sleep(5);
          return handler(batch);
        };
      const spec = consumerOf(stream, { batchSize: 5 });
      await bus().subscribe(spec, slow(one.handler));
      await bus().subscribe(spec, slow(two.handler));
      await bus().publish(numbered(`${stream.at}.x`, 200));
      await until(() => one.seen.length + two.seen.length >= 200);
      await sleep(50);
      const all = [...one.seen, ...two.seen].map(({ sequence }) => sequence).sort((a, b) => a - b);
      expect(all).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
      expect(Math.min(one.seen.length, two.seen.length)).toBeGreaterThan(0);
    });

    test("what was acknowledged does not come again, what was not does", async () => {
      const stream = await newStream(bus());
      await bus().publish(numbered(`${stream.at}.x`, 30));
      const first = recorder();
      const spec = consumerOf(stream, { batchSize: 10 });
      const subscription = await bus().subscribe(spec, first.handler);
      await until(() => first.seen.length >= 10);
      await subscription.stop();
      expect(subscription.healthy).toBe(false);
      const second = recorder();
      await bus().subscribe(spec, second.handler);
      await until(() => first.seen.length + second.seen.length >= 30);
      await sleep(50);
      const all = [...first.seen, ...second.seen];
      expect(all.map(textOf).sort()).toEqual(Array.from({ length: 30 }, (_, i) => String(i)).sort());
      expect(all.every(({ attempt }) => attempt === 1)).toBe(true);
    });

    test("stop lets the batch in hand finish and be acknowledged", async () => {
      const stream = await newStream(bus());
      await bus().publish(numbered(`${stream.at}.x`, 3));
      let finished = 0;
      const spec = consumerOf(stream, { ackWaitMs: 500 });
      const subscription = await bus().subscribe(spec, async (batch) => {
        await sleep(300);
        finished += batch.length;
        return batch.map(() => ack);
      });
      await sleep(100);
      await subscription.stop();
      expect(finished).toBeGreaterThan(0);
      const { seen, handler } = recorder();
      await bus().subscribe(spec, handler);
      await sleep(800);
      expect(finished + seen.length).toBe(3);
    });

    test("a batch that takes longer than the ack wait is not delivered twice", async () => {
      const stream = await newStream(bus());
      await bus().publish(numbered(`${stream.at}.x`, 12));
      let seen = 0;
      await bus().subscribe(consumerOf(stream, { ackWaitMs: 600, batchSize: 6 }), async (batch) => {
        seen += batch.length;
        await sleep(1500);
        return batch.map(() => ack);
      });
      await until(() => seen >= 12);
      await sleep(1200);
      expect(seen).toBe(12);
    });

    test("a handler that never answers makes its subscription unhealthy, and does not hold up its stop", async () => {
      const stream = await newStream(bus());
      const subscription = await bus().subscribe(consumerOf(stream, { ackWaitMs: 50 }), () => new Promise(() => {}));
      await bus().publish([message(`${stream.at}.x`, "a")]);
      await sleep(100);
      expect(subscription.healthy).toBe(true);
      await until(() => !subscription.healthy);
      await subscription.stop();
    });

    test("refuses a consumer of a stream that does not exist", async () => {
      const spec = consumerOf({ name: "nowhere", subjects: ["nowhere.>"], maxAgeMs: 1, dedupeWindowMs: 1 });
      await expect(bus().subscribe(spec, recorder().handler)).rejects.toThrow("stream");
    });
  });
}
