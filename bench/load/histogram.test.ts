import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Histogram } from "./histogram.ts";

function of(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

test("percentiles of one to a hundred are exact", () => {
  const histogram = of(Array.from({ length: 100 }, (_, index) => index + 1));
  expect([0.5, 0.99, 1].map((quantile) => histogram.percentile(quantile))).toEqual([50, 99, 100]);
});

test("a percentile is never below the true value and less than 1 % above it", () => {
  const microseconds = fc.array(fc.integer({ min: 0, max: 2 ** 36 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(microseconds, fc.double({ min: 0, max: 1, noNaN: true }), (values, quantile) => {
      const rank = Math.max(1, Math.ceil(quantile * values.length));
      const exact = values.toSorted((a, b) => a - b)[rank - 1] ?? 0;
      const found = of(values).percentile(quantile);
      expect(found).toBeGreaterThanOrEqual(exact);
      expect(found).toBeLessThanOrEqual(exact * 1.01);
    }),
  );
});

test("an empty histogram answers 0", () => {
  expect(new Histogram().percentile(0.99)).toBe(0);
});

describe("over JSON and merged", () => {
  test("it keeps every count", () => {
    const original = of([1, 300, 300, 70_000]);
    const copy = Histogram.fromJSON(JSON.parse(JSON.stringify(original)));
    expect(copy).toEqual(original);
  });

  test("two together hold what both hold", () => {
    const merged = of([1, 2]).merge(of([900_000]));
    expect([merged.total, merged.max, merged.percentile(0.5)]).toEqual([3, 900_000, 2]);
  });
});
