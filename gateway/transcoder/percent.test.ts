import { describe, expect, test } from "vitest";
import { decodeMultiSegment, decodeQueryPart, decodeSegment, PercentError } from "./percent.ts";

const reserved = ":/?#[]@!$&'()*+,;=";
const percent = (text: string) =>
  [...text].map((one) => `%${one.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`).join("");

describe("decodeSegment", () => {
  test("decodes everything, a plus stays", () => {
    expect(decodeSegment("p%20q%2Fr+")).toBe("p q/r+");
    expect(decodeSegment(percent(reserved))).toBe(reserved);
  });

  test("decodes every ASCII character in both letter cases", () => {
    for (let code = 0; code < 0x80; code += 1) {
      const hex = code.toString(16).padStart(2, "0");
      expect(decodeSegment(`%${hex}`)).toBe(String.fromCharCode(code));
      expect(decodeSegment(`%${hex.toUpperCase()}`)).toBe(String.fromCharCode(code));
    }
  });

  test("decodes once", () => {
    expect(decodeSegment("%252F")).toBe("%2F");
  });

  test.each(["%", "%1", "%zz", "a%2", "%ff", "%c0%af", "%ed%a0%80", "%e4%bd"])("refuses %s", (raw) => {
    expect(() => decodeSegment(raw)).toThrow(PercentError);
    expect(() => decodeMultiSegment(raw)).toThrow(PercentError);
  });
});

describe("decodeMultiSegment", () => {
  test("keeps reserved characters as they came", () => {
    expect(decodeMultiSegment("p/foo%20foo/q/bar%2Fbar")).toBe("p/foo foo/q/bar%2Fbar");
    expect(decodeMultiSegment("%2f%3a")).toBe("%2f%3a");
    expect(decodeMultiSegment(percent(reserved))).toBe(percent(reserved));
  });

  test("decodes all the rest", () => {
    for (let code = 0; code < 0x80; code += 1) {
      const character = String.fromCharCode(code);
      if (!reserved.includes(character)) expect(decodeMultiSegment(percent(character))).toBe(character);
    }
    expect(decodeMultiSegment("%E4%BD%A0/%E5%A5%BD")).toBe("你/好");
  });
});

describe("decodeQueryPart", () => {
  test("a plus is a space, an escaped one is a plus", () => {
    expect(decodeQueryPart("a+b%2Bc")).toBe("a b+c");
  });
});
