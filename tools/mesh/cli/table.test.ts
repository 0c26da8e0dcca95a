import { expect, test } from "vitest";
import { duration, table } from "./table.ts";

test("columns are as wide as their widest cell", () => {
  expect(
    table([
      ["NAME", "PID"],
      ["order-1", "7"],
    ]),
  ).toBe("NAME     PID\norder-1  7\n");
});

test.each([
  [999, "0 s"],
  [59_000, "59 s"],
  [61_000, "1 min"],
  [3_600_000, "1 h 0 min"],
  [90_000_000, "1 d 1 h"],
])("%d ms are %s", (ms, text) => {
  expect(duration(ms)).toBe(text);
});
