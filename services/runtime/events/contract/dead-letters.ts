import { describe, expect, test } from "vitest";
import type { EventBus, OutgoingMessage, StreamSpec } from "../bus.ts";
import { consumerOf, type Fixture, message, newStream, numbered, recorder, sleep, textOf, until } from "./harness.ts";

/** Publishes messages that a consumer rejects, and waits for their dead letters. */
async function kill(
  bus: EventBus,
  stream: StreamSpec,
  messages: OutgoingMessage[],
  reason = "bad",
  durable = "worker",
) {
  const spec = consumerOf(stream, { durable });
  const subscription = await bus.subscribe(spec, async (batch) => batch.map(() => ({ kind: "reject", reason })));
  await bus.publish(messages);
  const filter = { stream: stream.name, consumer: durable, limit: 500 };
  await until(async () => (await bus.deadLetters.list(filter)).length === messages.length);
  await subscription.stop();
  return bus.deadLetters.list(filter);
}

export function deadLetters({ bus }: Fixture): void {
  describe("dead letters", () => {
    test("keep everything of the original, and the reason", async () => {
      const stream = await newStream(bus());
      const data = Uint8Array.from({ length: 256 }, (_, i) => i);
      const reason = '第一行\nline 2: 100 % "wrong"; ';
      const headers = { "X-A": "b", traceparent: "00-1" };
      const original = { subject: `${stream.at}.x`, id: "id-1", data, headers };
      const before = Date.now();
      const [letter] = await kill(bus(), stream, [original], reason);
      expect(letter).toMatchObject({
        stream: stream.name,
        consumer: "worker",
        originalSubject: `${stream.at}.x`,
        originalSequence: 1,
        originalId: "id-1",
        reason,
        attempts: 1,
        headers,
      });
      expect(Buffer.compare(letter?.data ?? Buffer.from("missing"), data)).toBe(0);
      expect(Math.abs((letter?.deadAt ?? 0) - before)).toBeLessThan(5000);
      expect(Math.abs((letter?.storedAt ?? 0) - before)).toBeLessThan(5000);
      expect(await bus().deadLetters.get(letter?.sequence ?? 0)).toEqual(letter);
    });

    test("of the largest message with the largest headers", async () => {
      const stream = await newStream(bus());
      const headers = { big: "h".repeat(32 * 1024 - 10) };
      const data = new Uint8Array(960 * 1024).fill(5);
      const [letter] = await kill(
        bus(),
        stream,
        [{ subject: `${stream.at}.x`, id: "1", data, headers }],
        "值".repeat(5000),
      );
      expect(letter?.data.length).toBe(data.length);
      expect(letter?.headers).toEqual(headers);
      expect(letter?.reason).toBe("值".repeat(1000));
    });

    test("are listed by stream and consumer, page by page", async () => {
      const [one, two] = [await newStream(bus()), await newStream(bus())];
      await kill(bus(), one, numbered(`${one.at}.x`, 3), "bad", "a");
      await kill(bus(), two, numbered(`${two.at}.x`, 2), "bad", "b");
      const letters = await bus().deadLetters.list({ stream: one.name, limit: 2 });
      expect(letters.map(textOf)).toEqual(["0", "1"]);
      const rest = await bus().deadLetters.list({ stream: one.name, after: letters[1]?.sequence, limit: 2 });
      expect(rest.map(textOf)).toEqual(["2"]);
      const ofB = await bus().deadLetters.list({ consumer: "b", stream: two.name, limit: 10 });
      expect(ofB.map(({ stream }) => stream)).toEqual([two.name, two.name]);
      expect(await bus().deadLetters.list({ stream: one.name, consumer: "b", limit: 10 })).toEqual([]);
    });

    test("are replayed to the consumer that gave them up, and to no other", async () => {
      const stream = await newStream(bus());
      const other = recorder();
      await bus().subscribe(consumerOf(stream, { durable: "other" }), other.handler);
      const original = message(`${stream.at}.x`, "again", { headers: { "X-A": "b" } });
      const [letter] = await kill(bus(), stream, [original]);
      await until(() => other.seen.length === 1);
      const { seen, handler } = recorder();
      await bus().subscribe(consumerOf(stream), handler);
      expect(await bus().deadLetters.replay(letter?.sequence ?? 0)).toBe(true);
      await until(() => seen.length === 1);
      await sleep(100);
      expect(seen[0]).toMatchObject({ subject: original.subject, attempt: 1, storedAt: letter?.storedAt });
      expect(seen[0]?.headers).toMatchObject({ "X-A": "b" });
      expect(seen.map(textOf)).toEqual(["again"]);
      expect(seen[0]?.id).not.toBe(original.id);
      expect(other.seen.length).toBe(1);
    });

    test("are gone after a replay", async () => {
      const stream = await newStream(bus());
      const [letter] = await kill(bus(), stream, [message(`${stream.at}.x`, "a")]);
      const sequence = letter?.sequence ?? 0;
      expect(await bus().deadLetters.replay(sequence)).toBe(true);
      expect(await bus().deadLetters.replay(sequence)).toBe(false);
      expect(await bus().deadLetters.get(sequence)).toBeUndefined();
    });

    test("come back when their replay is rejected, too", async () => {
      const stream = await newStream(bus());
      const [letter] = await kill(bus(), stream, [message(`${stream.at}.x`, "a")]);
      await bus().deadLetters.replay(letter?.sequence ?? 0);
      await bus().subscribe(consumerOf(stream), async (batch) =>
        batch.map(() => ({ kind: "reject", reason: "still bad" })),
      );
      await until(async () => (await bus().deadLetters.list({ stream: stream.name, limit: 5 })).length === 1);
      const [again] = await bus().deadLetters.list({ stream: stream.name, limit: 5 });
      expect(again).toMatchObject({ reason: "still bad", storedAt: letter?.storedAt, originalSequence: 2 });
    });

    test("can be discarded", async () => {
      const stream = await newStream(bus());
      const letters = await kill(bus(), stream, numbered(`${stream.at}.x`, 2));
      expect(await bus().deadLetters.discard(letters[0]?.sequence ?? 0)).toBe(true);
      expect(await bus().deadLetters.discard(letters[0]?.sequence ?? 0)).toBe(false);
      const rest = await bus().deadLetters.list({ stream: stream.name, limit: 5 });
      expect(rest.map(textOf)).toEqual(["1"]);
    });

    test("that do not exist are not found", async () => {
      expect(await bus().deadLetters.get(999_999)).toBeUndefined();
      expect(await bus().deadLetters.replay(999_999)).toBe(false);
      expect(await bus().deadLetters.discard(999_999)).toBe(false);
    });
  });
}
