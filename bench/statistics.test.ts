import { expect, test } from "vitest";
import { median, medianOf, significant } from "./statistics.ts";

test.each([
  [[3], 3],
  [[9, 1, 5], 5],
  [[4, 1, 3, 2], 2.5],
])("the median of %j is %d", (values, expected) => {
  expect(median(values)).toBe(expected);
});

test("there is no median of nothing", () => {
  expect(() => median([])).toThrow("at least one");
  expect(medianOf([undefined])).toBeUndefined();
});

test("medianOf passes over what was not measured", () => {
  expect(medianOf([undefined, 2, 4])).toBe(3);
});

test.each([
  [123456.789, 123500],
  [0.0123456, 0.01235],
])("%d is shown as %d", (value, shown) => {
  expect(significant(value)).toBe(shown);
});
