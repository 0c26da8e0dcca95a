import { Code, ConnectError } from "@connectrpc/connect";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { expect, test } from "vitest";
import { orderErrors } from "../domain/order-errors.ts";
import { PurchaseCounter } from "./purchase-counter.ts";

test.each([
  ["refused", "refusedCount", fail(orderErrors.OUT_OF_STOCK)],
  ["refused", "refusedCount", fail("VALIDATION")],
  ["turned away", "turnedAwayCount", fail("QUEUE_FULL")],
  ["late", "lateCount", fail("CANCELLED")],
  ["late", "lateCount", fail("DEADLINE_EXCEEDED")],
  ["failed", "failedCount", fail("STORE_UNAVAILABLE")],
  ["failed", "failedCount", fail("CONFLICT")],
  ["failed", "failedCount", new ConnectError("a bug", Code.Internal)],
  ["failed", "failedCount", new Error("a bug")],
] as const)("a purchase is %s (%s): %s", async (_kind, field, error) => {
  const counter = new PurchaseCounter();
  await expect(counter.count(Promise.reject(error))).rejects.toBe(error);
  expect(counter.stats(0, 10)).toMatchObject({ askedCount: 1n, acceptedCount: 0n, [field]: 1n });
});

test("a purchase is accepted, and what waits is not counted twice", async () => {
  const counter = new PurchaseCounter();
  expect(await counter.count(Promise.resolve("yes"))).toBe("yes");
  void counter.count(new Promise(() => undefined));
  expect(counter.stats(1, 9)).toMatchObject({ askedCount: 2n, acceptedCount: 1n, waitingCount: 1n, freePlaces: 9n });
});

test("waits are those of purchases that were decided", async () => {
  const counter = new PurchaseCounter();
  expect(counter.stats(0, 0)).toMatchObject({ averageWait: { seconds: 0n, nanos: 0 } });
  const later = <T>(ms: number, value: T) => new Promise<T>((resolve) => setTimeout(() => resolve(value), ms));
  await counter.count(later(50, "yes"));
  await counter.count(later(1, "yes"));
  await counter.count(later(90, "").then(() => Promise.reject(fail("STORE_UNAVAILABLE")))).catch(() => undefined);
  const { averageWait, longestWait } = counter.stats(0, 0);
  expect(longestWait?.nanos).toBeGreaterThan(48_000_000);
  expect(longestWait?.nanos).toBeLessThan(89_000_000);
  expect(averageWait?.nanos).toBeLessThan(longestWait?.nanos ?? 0);
});
