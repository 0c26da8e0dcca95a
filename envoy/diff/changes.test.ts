import type { JsonValue } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { changes } from "./changes.ts";

describe("what differs", () => {
  test("nothing, whatever the order of keys", () => {
    expect(changes({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 })).toEqual([]);
  });

  test("a field, by its path", () => {
    expect(changes({ a: { b: [1, 2] } }, { a: { b: [1, 3] } })).toEqual([{ path: ["a", "b", 1], before: 2, after: 3 }]);
  });

  test("named items by their names, wherever they stand", () => {
    const before: JsonValue = [{ name: "x", v: 1 }, { name: "y" }];
    const after: JsonValue = [{ name: "w" }, { name: "x", v: 2 }, { name: "y" }];
    expect(changes(before, after)).toEqual([
      { path: ["x", "v"], before: 1, after: 2 },
      { path: ["w"], before: undefined, after: { name: "w" } },
    ]);
  });

  test("the order of named items", () => {
    expect(changes([{ name: "x" }, { name: "y" }], [{ name: "y" }, { name: "x" }])).toEqual([
      { path: ["order"], before: ["x", "y"], after: ["y", "x"] },
    ]);
  });

  test("items by place where two have the same name", () => {
    const before = [
      { name: "x", v: 1 },
      { name: "x", v: 2 },
    ];
    expect(changes(before, [{ name: "x", v: 1 }])).toEqual([
      { path: [1], before: { name: "x", v: 2 }, after: undefined },
    ]);
  });

  test("an extension of another type as a whole", () => {
    const [before, after] = [
      { "@type": "a", v: 1 },
      { "@type": "b", v: 1 },
    ];
    expect(changes({ x: before }, { x: after })).toEqual([{ path: ["x"], before, after }]);
  });
});
