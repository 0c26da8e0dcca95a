import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type JsonReadRules, readJson } from "./json-reader.ts";
import { JsonSyntaxError } from "./json-syntax-error.ts";
import { JsonNumber, treeToText, treeToValue } from "./json-tree.ts";

const strict: JsonReadRules = { maxDepth: 64, duplicateKeys: "refuse", trailing: "refuse" };
const lax: JsonReadRules = { maxDepth: 64, duplicateKeys: "last-wins", trailing: "ignore" };
const read = (text: string, rules = strict) => readJson(Buffer.from(text), rules);

function failure(text: string | Uint8Array, rules = strict): JsonSyntaxError {
  try {
    readJson(typeof text === "string" ? Buffer.from(text) : text, rules);
  } catch (error) {
    if (error instanceof JsonSyntaxError) return error;
    throw error;
  }
  throw new Error("it was read");
}

describe("readJson", () => {
  test("keeps the text of numbers", () => {
    expect(read("9223372036854775808.000000000000000010e0")).toEqual(
      new JsonNumber("9223372036854775808.000000000000000010e0"),
    );
  });

  test("keeps the order of members, numbers among their names", () => {
    expect([...(read('{"b":1,"1":2,"a":3}') as Map<string, unknown>).keys()]).toEqual(["b", "1", "a"]);
  });

  test("reads every escape", () => {
    expect(read('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00x"')).toBe('"\\/\b\f\n\r\té😀x');
  });

  test("__proto__ and constructor are names like any other", () => {
    const tree = read('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    const value = treeToValue(tree) as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(["__proto__", "constructor"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  // Reason and place as Python's json module gives them (json.JSONDecodeError.pos), which the pydantic surfaces echo.
  test.each<[string, string, number]>([
    ["", "expected-value", 0],
    ["  ", "expected-value", 2],
    ['{"a":}', "expected-value", 5],
    ["[1,,2]", "expected-value", 3],
    ["nul", "expected-value", 0],
    ["-", "expected-value", 0],
    ["'a'", "expected-value", 0],
    ["\ufeff1", "expected-value", 0],
    ["{", "expected-key", 1],
    ["{1:2}", "expected-key", 1],
    ['{"a":1,b', "expected-key", 7],
    ['{"a" 1}', "expected-colon", 5],
    ['{"a":1 "b":2}', "expected-comma", 7],
    ["[1 2]", "expected-comma", 3],
    ["[1", "expected-comma", 2],
    ["[01]", "expected-comma", 2],
    ['{"a":1,}', "trailing-comma", 6],
    ["[1, ]", "trailing-comma", 2],
    ["NaN", "not-finite", 0],
    ['{"a":-Infinity}', "not-finite", 5],
    ['{"a":"b', "unterminated-string", 5],
    ['"a\\', "unterminated-string", 0],
    ['"a\tb"', "control-character", 2],
    ['"a\\xb"', "invalid-escape", 2],
    ['"\\u12g4"', "invalid-unicode-escape", 1],
    ['"\\uD800"', "lone-surrogate", 1],
    ['"\\uDE00"', "lone-surrogate", 1],
    ['"\\uD800\\u0041"', "lone-surrogate", 1],
    ['{"a":1,"a":2}', "duplicate-key", 7],
    ["1 2", "extra-data", 2],
    ["01", "extra-data", 1],
    ["1.", "extra-data", 1],
  ])("refuses %j: %s at %i", (text, reason, offset) => {
    expect(failure(text)).toMatchObject({ reason, offset });
  });

  test("counts characters for the offset and bytes beside it", () => {
    expect(failure('{"😀é":}')).toMatchObject({ offset: 6, byteOffset: 10, found: "}" });
    expect(failure("[")).toMatchObject({ found: undefined });
  });

  test.each([
    [[0x22, 0xff, 0x22], 1],
    [[0x22, 0xc3, 0xa9, 0xc0, 0xaf, 0x22], 3],
    [[0x22, 0xed, 0xa0, 0x80, 0x22], 1],
    [[0x22, 0xe4, 0xbd], 1],
  ])("refuses bytes that are not UTF-8 (%j)", (bytes, offset) => {
    expect(failure(Uint8Array.from(bytes))).toMatchObject({ reason: "invalid-utf8", offset });
  });

  test("the last of duplicate keys wins where the surface says so", () => {
    expect(treeToText(read('{"a":1,"b":2,"a":3}', lax))).toBe('{"a":3,"b":2}');
  });

  test("what follows the first value is not looked at where the surface says so", () => {
    expect(treeToText(read(' {"a":1} trailing \\', lax))).toBe('{"a":1}');
  });

  test("nesting ends at the limit", () => {
    expect(treeToText(read("[".repeat(64) + "]".repeat(64)))).toBe("[".repeat(64) + "]".repeat(64));
    expect(failure(`${"[".repeat(65)}${"]".repeat(65)}`)).toMatchObject({ reason: "too-deep", offset: 64 });
    expect(failure('{"a":'.repeat(1_000_000))).toMatchObject({ reason: "too-deep" });
  });

  test("siblings do not count as depth", () => {
    expect(read(`[${"[],".repeat(200)}{}]`)).toHaveLength(201);
  });

  test("reads what JSON.parse reads, to the same value", () => {
    fc.assert(
      fc.property(fc.json(), fc.boolean(), (text, spaced) => {
        const source = spaced ? JSON.stringify(JSON.parse(text), null, 2) : text;
        expect(treeToValue(read(source, { ...strict, maxDepth: 1000 }))).toEqual(JSON.parse(source));
      }),
      { numRuns: 500 },
    );
  });

  test("agrees with JSON.parse on what is JSON, and throws nothing but its own error", () => {
    const piece = fc.constantFrom(
      ...'{}[]:,"\\ \n\t-+.eE0129aué/',
      "true",
      "false",
      "null",
      "NaN",
      "\\u00e9",
      '"a":',
      "\\uD83D\\uDE00",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        const text = pieces.join("");
        let expected: { value: unknown } | undefined;
        try {
          expected = { value: JSON.parse(text) };
        } catch {
          expected = undefined;
        }
        if (expected === undefined) failure(text, { ...strict, duplicateKeys: "last-wins" });
        else expect(treeToValue(read(text, { ...strict, duplicateKeys: "last-wins" }))).toEqual(expected.value);
      }),
      { numRuns: 3000 },
    );
  });

  test("survives any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(strict, lax), (bytes, rules) => {
        try {
          readJson(bytes, rules);
        } catch (error) {
          expect(error).toBeInstanceOf(JsonSyntaxError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
