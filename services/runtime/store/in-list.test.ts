import { expect, test } from "vitest";
import { mysqlDialect, postgresDialect } from "./dialects.ts";
import { inList, inListParts, oneOfParts } from "./in-list.ts";

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

test("a condition on many values is lists, on PostgreSQL one array that is planned anew", () => {
  expect([...oneOfParts(mysqlDialect("8.4.0"), "id", ["a", "b"])]).toEqual([
    { condition: "id in (?, ?)", params: ["a", "b"], options: {} },
  ]);
  expect([...oneOfParts(postgresDialect(), "id", ["a", 'b"'])]).toEqual([
    { condition: "id = any(?)", params: ['{"a","b\\""}'], options: { once: true } },
  ]);
  expect([...oneOfParts(postgresDialect(), "id", [])]).toEqual([]);
});
