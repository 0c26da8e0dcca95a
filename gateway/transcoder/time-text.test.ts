import { TimeFormat } from "@ordermesh/proto/ordermesh/rest/v1/options_pb";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { textToTime, timeToText } from "./time-text.ts";

const seconds = BigInt(Date.UTC(2030, 4, 4, 10) / 1000);

describe("timeToText", () => {
  test.each([
    [TimeFormat.RFC3339, 0, "2030-05-04T10:00:00Z"],
    [TimeFormat.RFC3339, 120_000_000, "2030-05-04T10:00:00.120Z"],
    [TimeFormat.RFC3339, 123_900_000, "2030-05-04T10:00:00.123900Z"],
    [TimeFormat.RFC3339, 1, "2030-05-04T10:00:00.000000001Z"],
    [TimeFormat.RFC3339_TRIMMED, 0, "2030-05-04T10:00:00Z"],
    [TimeFormat.RFC3339_TRIMMED, 123_900_000, "2030-05-04T10:00:00.1239Z"],
    [TimeFormat.NAIVE, 0, "2030-05-04T10:00:00"],
    [TimeFormat.NAIVE, 120_000_000, "2030-05-04T10:00:00.120000"],
    [TimeFormat.DATE, 999, "2030-05-04"],
    [TimeFormat.UNSPECIFIED, 0, "2030-05-04T10:00:00Z"],
  ])("format %i, %i ns: %s", (format, nanos, text) => {
    expect(timeToText({ seconds, nanos }, format)).toBe(text);
  });

  test("is the time that Date tells, for every second of any year", () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), (second) => {
        const expected = new Date(second * 1000).toISOString().replace(".000Z", "Z");
        expect(timeToText({ seconds: BigInt(second), nanos: 0 }, TimeFormat.RFC3339)).toBe(expected);
      }),
    );
  });

  test("reaches from year 1 to 9999 and no further", () => {
    const year1 = -62_135_596_800n;
    expect(timeToText({ seconds: year1, nanos: 0 }, TimeFormat.RFC3339)).toBe("0001-01-01T00:00:00Z");
    expect(() => timeToText({ seconds: year1 - 1n, nanos: 0 }, TimeFormat.RFC3339)).toThrow(RangeError);
    expect(() => timeToText({ seconds: 253_402_300_800n, nanos: 0 }, TimeFormat.RFC3339)).toThrow(RangeError);
  });
});

describe("textToTime", () => {
  test("applies the offset", () => {
    expect(textToTime("2030-05-04T18:00:00.5+08:00", TimeFormat.RFC3339)).toEqual({ seconds, nanos: 500_000_000 });
    expect(textToTime("2030-05-04T04:30:00-05:30", TimeFormat.RFC3339)).toEqual({ seconds, nanos: 0 });
  });

  test("takes a time without a zone as UTC where the format has none", () => {
    expect(textToTime("2030-05-04T10:00:00", TimeFormat.NAIVE)).toEqual({ seconds, nanos: 0 });
    expect(textToTime("2030-05-04T10:00:00", TimeFormat.RFC3339)).toBeUndefined();
  });

  test.each([
    "",
    "2030-02-30T00:00:00Z",
    "2030-13-01T00:00:00Z",
    "2030-01-01T24:00:00Z",
    "2030-01-01T00:60:00Z",
    "2030-01-01T00:00:60Z",
    "2030-01-01T00:00:00",
    "2030-01-01",
    "2030-1-1T00:00:00Z",
    "2030-01-01T00:00:00.1234567890Z",
    "2030-01-01T00:00:00+25:00",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    " 2030-01-01T00:00:00Z",
  ])("refuses %j", (text) => {
    expect(textToTime(text, TimeFormat.RFC3339)).toBeUndefined();
  });

  test("reads back what was written", () => {
    const instants = fc.record({
      seconds: fc.bigInt({ min: -62_135_596_800n, max: 253_402_300_799n }),
      nanos: fc.integer({ min: 0, max: 999_999_999 }),
    });
    fc.assert(
      fc.property(instants, fc.constantFrom(TimeFormat.RFC3339, TimeFormat.RFC3339_TRIMMED), (instant, format) => {
        expect(textToTime(timeToText(instant, format), format)).toEqual(instant);
      }),
    );
  });
});
