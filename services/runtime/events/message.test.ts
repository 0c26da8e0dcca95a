import { describe, expect, test } from "vitest";
import { externalMessageId, validateConsumer, validateStream } from "./message.ts";

describe("ids of messages from outside", () => {
  const bytes = Buffer.from("abc");
  const digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

  test("are the SHA-256 of the bytes, and the subject", () => {
    expect(externalMessageId("seckill.order.create", bytes)).toBe(`${digest}@seckill.order.create`);
  });

  test("differ by subject: a stream's dedupe window spans them all", () => {
    expect(externalMessageId("seckill.a", bytes)).not.toBe(externalMessageId("seckill.b", bytes));
  });

  test("differ by occurrence, of which the first needs no number", () => {
    expect(externalMessageId("s.a", bytes, 0)).toBe(externalMessageId("s.a", bytes));
    expect(externalMessageId("s.a", bytes, 1)).toBe(`${digest}@s.a#1`);
  });
});

describe("specs", () => {
  const stream = { name: "S", subjects: ["s.>"], maxAgeMs: 1000, dedupeWindowMs: 1000 };
  const consumer = {
    stream: "S",
    durable: "c",
    subjects: ["s.a"],
    ackWaitMs: 1000,
    maxDeliveries: 1,
    backoffMs: [],
    batchSize: 1,
  };

  test("that are well formed pass", () => {
    validateStream(stream);
    validateConsumer(consumer);
  });

  test.each([{ name: "a.b" }, { name: "" }, { subjects: [] }, { subjects: ["a..b"] }])(
    "stream with %j throws",
    (wrong) => {
      expect(() => validateStream({ ...stream, ...wrong })).toThrow(TypeError);
    },
  );

  test.each([
    { durable: "a b" },
    { stream: "*" },
    { subjects: [] },
    { batchSize: 0 },
    { maxDeliveries: 0 },
    { ackWaitMs: 0.5 },
    { ackWaitMs: 200, giveWayTo: { busy: () => false, batchMs: 200, atMostMs: 1000 } },
    { giveWayTo: { busy: () => false, batchMs: Number.NaN, atMostMs: 1000 } },
  ])("consumer with %j throws", (wrong) => {
    expect(() => validateConsumer({ ...consumer, ...wrong })).toThrow(TypeError);
  });
});
