import { JsonNumber, type JsonTree } from "../../transcoder/json-tree.ts";
import { hundredthsToText, type Price, parsePrice } from "./price.ts";
import { parseUrl } from "./url.ts";
import type { Issue, Verdict } from "./validation.ts";

/** Greatest value of DECIMAL(10,2), in hundredths. */
const maxHundredths = 9_999_999_999n;
const maxUrlLength = 2083;

/** pydantic's `str`, without the character that not every database stores. */
export function anyText(value: JsonTree): Verdict {
  if (typeof value !== "string") return refuse("string_type", "Input should be a valid string");
  return value.includes("\0") ? hasNul : { value };
}

/** The same with lengths in characters (code points). */
export function text({ min, max }: { readonly min?: number; readonly max: number }): (value: JsonTree) => Verdict {
  return (value) => {
    if (typeof value !== "string") return anyText(value);
    const length = characters(value);
    if (min !== undefined && length < min) {
      return refuse("string_too_short", `String should have at least ${counted(min)}`, `{"min_length":${min}}`);
    }
    if (length > max) {
      return refuse("string_too_long", `String should have at most ${counted(max)}`, `{"max_length":${max}}`);
    }
    return anyText(value);
  };
}

/** pydantic's `HttpUrl`, normalised; its length counts as it came, escapes may make it longer (contract 7.4, 7.5). */
export function httpUrl(value: JsonTree): Verdict {
  if (typeof value !== "string") return refuse("url_type", "URL input should be a string or URL");
  if (characters(value) > maxUrlLength) return urlTooLong;
  const url = parseUrl(value);
  if ("error" in url) {
    return refuse("url_parsing", `Input should be a valid URL, ${url.error}`, JSON.stringify({ error: url.error }));
  }
  if (!/^https?:/.test(url.href)) {
    return refuse("url_scheme", "URL scheme should be 'http' or 'https'", `{"expected_schemes":"'http' or 'https'"}`);
  }
  return { value: url.href };
}

/** pydantic's lax `float`, above zero before it is rounded to DECIMAL(10,2) (contract 1.2, 7.3, 7.10). */
export function price(value: JsonTree): Verdict {
  const parsed = priceOf(value);
  if ("issue" in parsed) return parsed;
  if ("special" in parsed) {
    if (parsed.special !== Infinity) return notAboveZero;
    const isLongInteger = value instanceof JsonNumber && !/[.e]/i.test(value.source);
    return isLongInteger ? notANumber : refuse("finite_number", "Input should be a finite number");
  }
  if (parsed.sign <= 0) return notAboveZero;
  if (parsed.hundredths > maxHundredths) {
    return refuse("less_than_equal", "Input should be less than or equal to 99999999.99", '{"le":99999999.99}');
  }
  return { value: new JsonNumber(hundredthsToText(parsed.hundredths)) };
}

/** true or false. */
export function flag(value: JsonTree): Verdict {
  return typeof value === "boolean" ? { value } : refuse("bool_type", "Input should be a valid boolean");
}

/** A status of 1, 2 or 3, as a lax integer (contract 1.3, 7.3). */
export function status(value: JsonTree): Verdict {
  const number = statusNumber(value);
  if (number === 1 || number === 2 || number === 3) return { value: new JsonNumber(String(number)) };
  return refuse("enum", "Input should be 1, 2 or 3", '{"expected":"1, 2 or 3"}');
}

function priceOf(value: JsonTree): Price | { readonly issue: Issue } {
  if (typeof value === "boolean") return parsePrice(value ? "1" : "0") ?? notANumber;
  if (value instanceof JsonNumber) return parsePrice(value.source) ?? notANumber;
  if (typeof value !== "string") return notANumber;
  return parsePrice(withoutUnderscores(value.trim())) ?? unparsable;
}

function statusNumber(value: JsonTree): number | undefined {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value instanceof JsonNumber) return Number(value.source);
  if (typeof value !== "string") return undefined;
  const digits = /^\+?([0-9]+)(?:\.0+)?$/.exec(withoutUnderscores(value.trim()))?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Python's `1_000`: an underscore stands alone between two other characters. */
function withoutUnderscores(digits: string): string {
  return /^_|_$|__/.test(digits) ? digits : digits.replaceAll("_", "");
}

function refuse(type: string, msg: string, ctx?: string): { readonly issue: Issue } {
  return { issue: { type, msg, ctx } };
}

const urlTooLong = refuse(
  "url_too_long",
  `URL should have at most ${maxUrlLength} characters`,
  `{"max_length":${maxUrlLength}}`,
);
/** pydantic's words for a text of the wrong characters. */
const hasNul = refuse(
  "string_pattern_mismatch",
  "String should match pattern '^[^\\x00]*$'",
  JSON.stringify({ pattern: "^[^\\x00]*$" }),
);
const notANumber = refuse("float_type", "Input should be a valid number");
const unparsable = refuse("float_parsing", "Input should be a valid number, unable to parse string as a number");
const notAboveZero = refuse("greater_than", "Input should be greater than 0", '{"gt":0.0}');

function counted(length: number): string {
  return length === 1 ? "1 character" : `${length} characters`;
}

function characters(value: string): number {
  let count = 0;
  for (const _ of value) count += 1;
  return count;
}
