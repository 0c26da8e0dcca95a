import { describe, expect, test } from "vitest";
import { timeMs } from "./column.ts";

describe("timeMs", () => {
  const instant = Date.UTC(2026, 10, 21, 7, 8, 9, 120);

  test.each([
    ["2026-11-21 07:08:09.120 +00:00", instant],
    ["2026-11-21 07:08:09.12+00", instant],
    ["2026-11-21 07:08:09.120", instant],
    ["2026-11-21 07:08:09.120999", instant],
    ["2026-11-21 07:08:09+00", instant - 120],
    ["2026-11-21 07:08:09", instant - 120],
    ["2026-11-21 07:08:09.1200", instant],
    ["2026-11-21 07:08:09.1", instant - 20],
    ["2026-11-21 07:08:09 +0000", instant - 120],
    ["1000-01-01 00:00:00.000", Date.UTC(1000, 0, 1)],
    ["9999-12-31 23:59:59.999+00", Date.UTC(9999, 11, 31, 23, 59, 59, 999)],
  ])("reads %s", (text, ms) => {
    expect([timeMs(text), timeMs(text)]).toEqual([ms, ms]);
  });

  test("reads each of times that alternate", () => {
    const texts = ["2026-11-21 07:08:09.120", "2026-11-21 07:08:09.121", "2026-11-21 07:08:09.120"];
    expect(texts.map(timeMs)).toEqual([instant, instant + 1, instant]);
  });

  const other = ["2026-11-21T07:08:09Z", "2026-11-21 07:08:09+08", "x2026-11-21 07:08:09", "2026-11-21 07:08:0x"];
  const cut = ["", "2026-11-21", "2026-11-21 07:08", "2026-11-21 07:08:09.", "2026-11-21 07:08:09.1234567"];
  test.each([...other, ...cut, "2026-11-21 07-08-09", "-026-11-21 07:08:09", "2026-11-21 07:08:09 ", 5, null])(
    "refuses %j",
    (value) => {
      expect(() => timeMs(value)).toThrow(TypeError);
      expect(() => timeMs(value)).toThrow(TypeError);
    },
  );
});
