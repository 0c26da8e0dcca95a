import { create } from "@bufbuild/protobuf";
import { MoneySchema } from "@ordermesh/proto/ordermesh/type/v1/money_pb";
import { describe, expect, test } from "vitest";
import { majorUnits, minorUnits, roundedPrice } from "./money.ts";

describe("minishop 9.7 money", () => {
  test.each([
    ["12.5", 1250n],
    ["5.555", 556n],
    ["5.554", 555n],
    ["-5.555", -556n],
    ["0.005", 1n],
    ["99999999.99", 9_999_999_999n],
  ])("%s is %s minor units", (text, units) => {
    expect(minorUnits(text, "CNY")).toBe(units);
  });

  test.each([
    [5n, "CNY", "0.05"],
    [-5n, "CNY", "-0.05"],
    [1250n, "CNY", "12.50"],
    [1250n, "JPY", "1250"],
  ])("%s minor units of %s are %s", (units, currency, text) => {
    expect(majorUnits(create(MoneySchema, { currency, minorUnits: units }))).toBe(text);
  });

  test("a price keeps the currency's decimals", () => {
    expect(roundedPrice("5.555", "CNY")).toBe("5.56");
    expect(roundedPrice("", "CNY")).toBe("0");
  });
});
