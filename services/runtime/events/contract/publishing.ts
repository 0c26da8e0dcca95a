import { describe, expect, test } from "vitest";
import { maxDataBytes } from "../message.ts";
import { consumerOf, type Fixture, message, newStream, numbered, recorder, sleep, textOf, until } from "./harness.ts";

export function publishing({ bus }: Fixture): void {
  describe("publishing", () => {
    test("delivers subject, id, headers, bytes and time of a message", async () => {
      const stream = await newStream(bus());
      const { seen, handler } = recorder();
      await bus().subscribe(consumerOf(stream), handler);
      const before = Date.now();
      const headers = { traceparent: "00-1-2-01", "X-Name": "值 é" };
      await bus().publish([message(`${stream.at}.made`, "hello", { id: "id-1", headers })]);
      await until(() => seen.length === 1);
      expect(seen[0]).toMatchObject({
        stream: stream.name,
        subject: `${stream.at}.made`,
        sequence: 1,
        id: "id-1",
        headers,
        attempt: 1,
      });
      expect(textOf(seen[0] ?? { data: new Uint8Array() })).toBe("hello");
      expect(Math.abs((seen[0]?.storedAt ?? 0) - before)).toBeLessThan(5000);
    });

    test.each([
      ["no bytes", new Uint8Array()],
      ["every byte value", Uint8Array.from({ length: 256 }, (_, i) => i)],
      ["512 KiB", Uint8Array.from({ length: 512 * 1024 }, (_, i) => (i * 31) % 251)],
      ["the most that is allowed", new Uint8Array(maxDataBytes).fill(7)],
    ])("preserves %s", async (_, data) => {
      const stream = await newStream(bus());
      const { seen, handler } = recorder();
      await bus().subscribe(consumerOf(stream), handler);
      await bus().publish([{ subject: `${stream.at}.x`, id: "1", data }]);
      await until(() => seen.length === 1);
      expect(Buffer.compare(seen[0]?.data ?? Buffer.from("missing"), data)).toBe(0);
    });

    test("keeps the order of 5,000 messages published at once", async () => {
      const stream = await newStream(bus());
      const { seen, handler } = recorder();
      await bus().subscribe(consumerOf(stream, { batchSize: 500 }), handler);
      await bus().publish(numbered(`${stream.at}.x`, 5000));
      await until(() => seen.length >= 5000);
      expect(seen.map(textOf)).toEqual(Array.from({ length: 5000 }, (_, i) => String(i)));
      expect(seen.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 5000 }, (_, i) => i + 1));
    });

    test("stores an id once within the window", async () => {
      const stream = await newStream(bus());
      const { seen, handler } = recorder();
      await bus().publish([message(`${stream.at}.x`, "first", { id: "same" })]);
      await bus().publish([message(`${stream.at}.x`, "again", { id: "same" }), message(`${stream.at}.x`, "last")]);
      await bus().subscribe(consumerOf(stream), handler);
      await until(() => seen.length >= 2);
      expect(seen.map(textOf)).toEqual(["first", "last"]);
    });

    test("stores an id again after the window", async () => {
      const stream = await newStream(bus(), { dedupeWindowMs: 200 });
      const { seen, handler } = recorder();
      await bus().subscribe(consumerOf(stream), handler);
      await bus().publish([message(`${stream.at}.x`, "first", { id: "same" })]);
      await sleep(500);
      await bus().publish([message(`${stream.at}.x`, "again", { id: "same" })]);
      await until(() => seen.length === 2);
    });

    test("an id of one stream means nothing in another", async () => {
      const [one, two] = [await newStream(bus()), await newStream(bus())];
      const { seen, handler } = recorder();
      await bus().subscribe(consumerOf(one), handler);
      await bus().subscribe(consumerOf(two), handler);
      await bus().publish([
        message(`${one.at}.x`, "one", { id: "same" }),
        message(`${two.at}.x`, "two", { id: "same" }),
      ]);
      await until(() => seen.length === 2);
    });

    test("rejects a subject that no stream takes", async () => {
      await expect(bus().publish([message("nobody.listens", "x")])).rejects.toThrow("no stream takes");
    });

    test.each([
      ["a wildcard subject", { subject: "a.*" }],
      ["an empty token", { subject: "a..b" }],
      ["no id", { id: "" }],
      ["an id with a line break", { id: "a\r\nNats-Expected-Stream: x" }],
      ["too many bytes", { data: new Uint8Array(maxDataBytes + 1) }],
      ["a header with a line break", { headers: { a: "b\r\nc: d" } }],
      ["a header of the broker's", { headers: { "Nats-Rollup": "all" } }],
    ])("refuses %s", async (_, wrong) => {
      const stream = await newStream(bus());
      await expect(bus().publish([message(`${stream.at}.x`, "x", wrong)])).rejects.toThrow(TypeError);
    });

    test("a stream takes new subjects when its spec changes, and keeps its messages", async () => {
      const stream = await newStream(bus());
      await bus().publish([message(`${stream.at}.x`, "old")]);
      const wider = { ...stream, subjects: [...stream.subjects, `${stream.at}-more.>`], maxAgeMs: 7_200_000 };
      await bus().ensureStream(wider);
      await bus().publish([message(`${stream.at}-more.x`, "new")]);
      const { seen, handler } = recorder();
      await bus().subscribe(consumerOf(wider), handler);
      await until(() => seen.length === 2);
      expect(seen.map(textOf)).toEqual(["old", "new"]);
    });

    test("refuses a stream whose subjects another one takes", async () => {
      const stream = await newStream(bus());
      const other = { ...stream, name: `${stream.name}-other`, subjects: [`${stream.at}.x.*`] };
      await expect(bus().ensureStream(other)).rejects.toThrow("overlap");
    });

    test("answers check", async () => {
      expect(await bus().check()).toBeUndefined();
    });
  });
}
