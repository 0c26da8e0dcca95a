import { expect, test } from "vitest";
import { newId, uuidv7 } from "./id.ts";

test("is a UUID of version 7 and variant 10 with the time in front", () => {
  const before = Date.now();
  const id = uuidv7();
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const time = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  expect(time).toBeGreaterThanOrEqual(before);
  expect(time).toBeLessThanOrEqual(Date.now() + 100);
});

test("sorts by the order of making, also within a millisecond", () => {
  const ids = Array.from({ length: 50_000 }, () => newId("ord_"));
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test("carries its prefix", () => {
  expect(newId("ord_")).toMatch(/^ord_[0-9a-f-]{36}$/);
});
