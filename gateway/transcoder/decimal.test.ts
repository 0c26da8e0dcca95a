import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { plainDecimal } from "./decimal.ts";

describe("plainDecimal", () => {
  test.each([
    ["12.50", "12.5"],
    ["12.00", "12"],
    ["0.0", "0"],
    ["-0", "0"],
    ["-0.50", "-0.5"],
    ["1e3", "1000"],
    ["1.250e1", "12.5"],
    ["1.25E-3", "0.00125"],
    ["100e-2", "1"],
    ["0e999999999", "0"],
    ["99999999999999999999.99", "99999999999999999999.99"],
  ])("%s is %s", (source, plain) => {
    expect(plainDecimal(source)).toBe(plain);
  });

  test.each(["", "+1", "01", "1.", ".5", "1e", "0x10", " 1", "NaN", "Infinity", "1_000", "1e400", "1e999999999999"])(
    "refuses %j",
    (source) => {
      expect(plainDecimal(source)).toBeUndefined();
    },
  );

  test("keeps the value of any double", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const plain = plainDecimal(String(value).replace("e+", "e"));
        expect(Number(plain)).toBe(value === 0 ? 0 : value);
        expect(plain).not.toMatch(/[eE]|\.$|\.\d*0$/);
      }),
    );
  });
});
