import { expect, test } from "vitest";
import { inList, inListParts } from "./in-list.ts";

test("rounds the length up to a power of two by repeating the last value", () => {
  expect(inList([1, 2, 3, 4, 5])).toEqual({ list: "(?, ?, ?, ?, ?, ?, ?, ?)", params: [1, 2, 3, 4, 5, 5, 5, 5] });
  expect(inList(["a"])).toEqual({ list: "(?)", params: ["a"] });
});

test("refuses an empty list, which no database takes", () => {
  expect(() => inList([])).toThrow(RangeError);
});

test("divides long lists and has no part for none", () => {
  const sizes = [...inListParts(Array.from({ length: 2500 }, (_, index) => index))].map(({ params }) => params.length);
  expect(sizes).toEqual([1024, 1024, 512]);
  expect([...inListParts([])]).toEqual([]);
});
