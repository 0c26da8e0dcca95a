import { describe, expect, test } from "vitest";
import { longestShopKey, longestUserKey, shopKey, userKey } from "./order-task-key.ts";

describe("contract 3.2: equality of names", () => {
  test.each([
    ["case", "LIN.HAO", "lin.hao"],
    ["outer blanks", "  lin.hao ", "lin.hao"],
    ["full width", "ｌｉｎ", "lin"],
    ["a full-width blank", "　lin", "lin"],
    ["composition", "li\u0301n", "lín"],
    ["sharp s", "STRASSE", "straße"],
    ["capital sharp s", "ẞ", "ss"],
    ["final sigma", "ΟΔΟΣ", "οδος"],
    ["a fold that decomposes", "\u0390", "\u03aa\u0301"],
  ])("%s does not count", (_name, one, other) => {
    expect(userKey(one)).toBe(userKey(other));
  });

  test.each([
    ["accents (7.7)", "lin", "lín"],
    ["inner blanks", "lin hao", "linhao"],
    ["the dotless i", "ı", "i"],
  ])("%s count", (_name, one, other) => {
    expect(userKey(one)).not.toBe(userKey(other));
  });

  test("a name that NFKC makes longer still fits its column", () => {
    const user = "ﷺ".repeat(100);
    expect([...userKey(user)].length).toBe(longestUserKey);
    expect([...shopKey(user + user)].length).toBe(longestShopKey);
  });

  test("long keys that differ only at their end differ", () => {
    expect(userKey(`${"ﷺ".repeat(99)}a`)).not.toBe(userKey(`${"ﷺ".repeat(99)}b`));
  });
});
