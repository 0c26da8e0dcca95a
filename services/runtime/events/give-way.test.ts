import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { GiveWay } from "./give-way.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

test("without other work it never gives way", () => {
  expect(new GiveWay({}).wanted).toBe(false);
  expect(new GiveWay({ giveWayTo: { busy: () => false, batchMs: 10, atMostMs: 100 } }).wanted).toBe(false);
});

test("gives way with each batch for a time of its own", () => {
  const giveWay = new GiveWay({ giveWayTo: { busy: () => true, batchMs: 10, atMostMs: 100 } });
  for (let batch = 0; batch < 3; batch++) {
    expect(giveWay.wanted).toBe(true);
    vi.advanceTimersByTime(10);
    expect(giveWay.wanted).toBe(false);
  }
});

test("counts from the first batch that it put off, also where the other work pauses", () => {
  let busy = true;
  const giveWay = new GiveWay({ giveWayTo: { busy: () => busy, batchMs: 1000, atMostMs: 100 } });
  expect(giveWay.wanted).toBe(true);
  vi.advanceTimersByTime(60);
  busy = false;
  expect(giveWay.wanted).toBe(false);
  busy = true;
  expect(giveWay.wanted).toBe(true);
  vi.advanceTimersByTime(40);
  expect(giveWay.wanted).toBe(false);
});

test("is patient again when it has caught up", () => {
  const giveWay = new GiveWay({ giveWayTo: { busy: () => true, batchMs: 1000, atMostMs: 100 } });
  expect(giveWay.wanted).toBe(true);
  vi.advanceTimersByTime(500);
  expect(giveWay.wanted).toBe(false);
  giveWay.caughtUp();
  expect(giveWay.wanted).toBe(true);
});
