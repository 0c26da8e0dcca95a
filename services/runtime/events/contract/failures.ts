import { describe, expect, test } from "vitest";
import type { BatchHandler, Delivery } from "../bus.ts";
import { ack, consumerOf, type Fixture, message, newStream, numbered, sleep, textOf, until } from "./harness.ts";

/** Retries a text so many times, then acknowledges; remembers when each delivery came. */
function failing(
  text: string,
  times: number,
  delayMs?: number,
): { seen: (Delivery & { at: number })[]; handler: BatchHandler } {
  const seen: (Delivery & { at: number })[] = [];
  const handler: BatchHandler = async (batch) =>
    batch.map((delivery) => {
      seen.push({ ...delivery, at: Date.now() });
      const fails = textOf(delivery) === text && delivery.attempt <= times;
      return fails ? { kind: "retry", reason: "not yet", delayMs } : ack;
    });
  return { seen, handler };
}

export function failures({ bus }: Fixture): void {
  describe("failures", () => {
    test("a retry comes again with the next attempt, not before its delay", async () => {
      const stream = await newStream(bus());
      const { seen, handler } = failing("a", 1, 300);
      await bus().subscribe(consumerOf(stream), handler);
      await bus().publish([message(`${stream.at}.x`, "a")]);
      await until(() => seen.length === 2);
      expect(seen.map(({ attempt }) => attempt)).toEqual([1, 2]);
      expect((seen[1]?.at ?? 0) - (seen[0]?.at ?? 0)).toBeGreaterThanOrEqual(290);
    });

    test("backs off as its consumer says, the last delay repeating", async () => {
      const stream = await newStream(bus());
      const { seen, handler } = failing("a", 3);
      await bus().subscribe(consumerOf(stream, { maxDeliveries: 5, backoffMs: [50, 600] }), handler);
      await bus().publish([message(`${stream.at}.x`, "a")]);
      await until(() => seen.length === 4);
      const gaps = seen.slice(1).map(({ at }, i) => at - (seen[i]?.at ?? 0));
      expect(gaps[0]).toBeGreaterThanOrEqual(40);
      expect(gaps[0]).toBeLessThan(590);
      expect(gaps[1]).toBeGreaterThanOrEqual(590);
      expect(gaps[2]).toBeGreaterThanOrEqual(590);
    });

    test("a retry does not hold up other messages", async () => {
      const stream = await newStream(bus());
      const { seen, handler } = failing("0", 1, 1500);
      await bus().subscribe(consumerOf(stream), handler);
      await bus().publish(numbered(`${stream.at}.x`, 300));
      await until(() => seen.length === 300, 1400);
      await until(() => seen.length === 301);
      expect(textOf(seen[300] ?? { data: new Uint8Array() })).toBe("0");
    });

    test("after the last delivery a message is dead", async () => {
      const stream = await newStream(bus());
      const { seen, handler } = failing("a", 99);
      await bus().subscribe(consumerOf(stream, { maxDeliveries: 3 }), handler);
      await bus().publish([message(`${stream.at}.x`, "a"), message(`${stream.at}.x`, "b")]);
      await until(async () => (await bus().deadLetters.list({ stream: stream.name, limit: 10 })).length === 1);
      const [letter] = await bus().deadLetters.list({ stream: stream.name, limit: 10 });
      expect(letter).toMatchObject({ reason: "not yet", attempts: 3, originalSequence: 1 });
      await sleep(100);
      expect(seen.map((delivery) => textOf(delivery)).sort()).toEqual(["a", "a", "a", "b"]);
    });

    test("a rejected message is dead at once, its neighbours are not", async () => {
      const stream = await newStream(bus());
      const seen: string[] = [];
      await bus().subscribe(consumerOf(stream), async (batch) =>
        batch.map((delivery) => {
          seen.push(textOf(delivery));
          return textOf(delivery) === "3" ? { kind: "reject", reason: "poison" } : ack;
        }),
      );
      await bus().publish(numbered(`${stream.at}.x`, 10));
      await until(async () => (await bus().deadLetters.list({ stream: stream.name, limit: 10 })).length === 1);
      await until(() => seen.length >= 10);
      await sleep(100);
      expect(seen).toEqual(Array.from({ length: 10 }, (_, i) => String(i)));
    });

    test("a throw brings each message of the batch again alone, and only its cause is dead", async () => {
      const stream = await newStream(bus());
      await bus().publish(numbered(`${stream.at}.x`, 10));
      const done: string[] = [];
      const sizes: number[] = [];
      await bus().subscribe(consumerOf(stream, { maxDeliveries: 2 }), async (batch) => {
        sizes.push(batch.length);
        if (batch.some((delivery) => textOf(delivery) === "4")) throw new Error("cannot read 4");
        done.push(...batch.map(textOf));
        return batch.map(() => ack);
      });
      await until(() => done.length === 9);
      await until(async () => (await bus().deadLetters.list({ stream: stream.name, limit: 10 })).length === 1);
      const [letter] = await bus().deadLetters.list({ stream: stream.name, limit: 10 });
      expect(letter).toMatchObject({ reason: "cannot read 4", attempts: 2, originalSequence: 5 });
      expect(done.sort()).toEqual(["0", "1", "2", "3", "5", "6", "7", "8", "9"]);
    });

    test("a throw of a batch spares the neighbours even when one delivery is all they have", async () => {
      const stream = await newStream(bus());
      await bus().publish(numbered(`${stream.at}.x`, 5));
      const done: string[] = [];
      await bus().subscribe(consumerOf(stream, { maxDeliveries: 1 }), async (batch) => {
        if (batch.some((delivery) => textOf(delivery) === "2")) throw new Error("no");
        done.push(...batch.map(textOf));
        return batch.map(() => ack);
      });
      await until(async () => (await bus().deadLetters.list({ stream: stream.name, limit: 10 })).length === 1);
      await until(() => done.length === 4);
    });

    test("outcomes that do not fit the batch count as a throw", async () => {
      const stream = await newStream(bus());
      await bus().subscribe(consumerOf(stream, { maxDeliveries: 1 }), async () => []);
      await bus().publish([message(`${stream.at}.x`, "a")]);
      await until(async () => (await bus().deadLetters.list({ stream: stream.name, limit: 10 })).length === 1);
      const [letter] = await bus().deadLetters.list({ stream: stream.name, limit: 10 });
      expect(letter?.reason).toContain("0 outcomes for 1");
    });
  });
}
