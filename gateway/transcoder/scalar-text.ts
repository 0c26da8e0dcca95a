import { ScalarType } from "@bufbuild/protobuf";
import { plainDecimal } from "./decimal.ts";
import { ValueError } from "./problem.ts";

const greatestFloat = 3.4028235677973366e38;
const bits32 = { min: -(2n ** 31n), max: 2n ** 31n - 1n };
const bits64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const unsigned32 = { min: 0n, max: 2n ** 32n - 1n };
const unsigned64 = { min: 0n, max: 2n ** 64n - 1n };

const ranges: ReadonlyMap<ScalarType, { readonly min: bigint; readonly max: bigint }> = new Map([
  [ScalarType.INT32, bits32],
  [ScalarType.SINT32, bits32],
  [ScalarType.SFIXED32, bits32],
  [ScalarType.UINT32, unsigned32],
  [ScalarType.FIXED32, unsigned32],
  [ScalarType.INT64, bits64],
  [ScalarType.SINT64, bits64],
  [ScalarType.SFIXED64, bits64],
  [ScalarType.UINT64, unsigned64],
  [ScalarType.FIXED64, unsigned64],
]);

/** An integer type, 32 or 64 bits. */
export function isInteger(type: ScalarType): boolean {
  return ranges.has(type);
}

/** 64 bits: protobuf-es holds it as a bigint. */
export function isLong(type: ScalarType): boolean {
  const range = ranges.get(type);
  return range === bits64 || range === unsigned64;
}

/**
 * Reads a JSON number's source as an integer of `type`: exact, whatever its size. `integral` also takes `1.0` and
 * `1e2`. Throws ValueError for a fraction, another text, and what the type cannot hold.
 */
export function parseInteger(source: string, type: ScalarType, integral: boolean): number | bigint {
  const range = ranges.get(type);
  if (range === undefined) throw new TypeError(`${ScalarType[type]} is no integer type`);
  const digits = /^-?(?:0|[1-9][0-9]*)$/.test(source) ? source : integral ? plainDecimal(source) : undefined;
  if (digits === undefined || digits.includes(".")) throw new ValueError("must be an integer");
  // Nothing longer than 20 digits and a sign fits: no need to convert a megabyte of them.
  const value = digits.length > 21 ? undefined : BigInt(digits);
  if (value === undefined || value < range.min || value > range.max) {
    throw new ValueError(`must be ${range.min} to ${range.max}`);
  }
  return isLong(type) ? value : Number(value);
}

/** Reads a JSON number's source as a double or float. Throws ValueError for what the type cannot hold. */
export function parseFloating(source: string, type: ScalarType): number {
  const value = Number(source);
  const limit = type === ScalarType.FLOAT ? greatestFloat : Number.MAX_VALUE;
  if (!(Math.abs(value) <= limit)) throw new ValueError("is out of range");
  return value;
}

const notFinite: ReadonlyMap<string, number> = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);

/** The three floating values that JSON has no number for (proto3 JSON writes them as texts). */
export function parseNotFinite(text: string): number | undefined {
  return notFinite.get(text);
}

const jsonNumber = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** A number by JSON's grammar, no blanks around it. */
export function isNumberText(text: string): boolean {
  return jsonNumber.test(text);
}

const base64 = /^(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)={0,2}$/;

/** Standard or URL-safe base64, padded or not (proto3 JSON). Throws ValueError. */
export function parseBytes(text: string): Uint8Array {
  if (!base64.test(text)) throw new ValueError("must be base64");
  const digits = text.replace(/=+$/, "");
  const isPadded = text !== digits;
  if (digits.length % 4 === 1 || (isPadded && text.length % 4 !== 0)) throw new ValueError("must be base64");
  return new Uint8Array(Buffer.from(digits, "base64"));
}
