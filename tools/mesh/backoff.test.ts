import { expect, test } from "vitest";
import { Backoff } from "./backoff.ts";

test("each wait is twice the one before, up to half a minute", () => {
  const backoff = new Backoff();
  expect(Array.from({ length: 9 }, () => backoff.next(0))).toEqual([
    500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000,
  ]);
});

test("after a run that lasted the waits begin anew", () => {
  const backoff = new Backoff();
  backoff.next(0);
  backoff.next(59_999);
  expect(backoff.next(60_000)).toBe(500);
});
