import { expect, test } from "vitest";
import { delays } from "./delays.ts";

test("the time is that from a yes to the sight of its own order, in microseconds", () => {
  const histogram = delays(
    [
      ["a", 1000],
      ["b", 1000.25],
    ],
    [
      ["b", 1000.5],
      ["other", 900],
      ["a", 1000.1],
    ],
  );
  expect([histogram.total, histogram.percentile(0.5), histogram.max]).toEqual([2, 100, 250]);
});

test("an order that stood before the yes was heard took no time", () => {
  expect(delays([["a", 1000]], [["a", 999]]).max).toBe(0);
});

test("an order that was never seen is an error", () => {
  expect(() => delays([["a", 1000]], [])).toThrow("order a was never seen");
});
