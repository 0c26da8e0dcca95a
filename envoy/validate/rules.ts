import { isIP, isIPv4, isIPv6 } from "node:net";
import { KnownRegex } from "../gen/validate/validate_pb.js";
import { compare, equal, isOrdered, type Ordered, valueText } from "./rule-values.ts";

/** What is wrong with a value by one rule, or undefined. `strict` is the rule of that name beside it. */
type Rule = (value: unknown, bound: unknown, context: { readonly strict: boolean }) => string | undefined;

/**
 * Rules of protoc-gen-validate for one value, by name (`validate/validate.proto`): what Envoy checks after it has read a
 * configuration. Rules that concern several values (`items`, `keys`, `values`) are in the checker.
 */
export const rules: Readonly<Record<string, Rule>> = {
  const: (value, bound) => (equal(value, bound) ? undefined : `must be ${valueText(bound)}`),
  in: (value, bound) => (isOneOf(value, bound) ? undefined : `must be one of ${valueText(bound)}`),
  not_in: (value, bound) => (isOneOf(value, bound) ? `must not be ${valueText(value)}` : undefined),
  lt: ordered((order) => order < 0, "less than"),
  lte: ordered((order) => order <= 0, "at most"),
  gt: ordered((order) => order > 0, "greater than"),
  gte: ordered((order) => order >= 0, "at least"),

  len: size(characters, (length, bound) => length === bound, "exactly", "characters"),
  min_len: size(charactersOrBytes, (length, bound) => length >= bound, "at least", "characters"),
  max_len: size(charactersOrBytes, (length, bound) => length <= bound, "at most", "characters"),
  len_bytes: size(bytes, (length, bound) => length === bound, "exactly", "bytes"),
  min_bytes: size(bytes, (length, bound) => length >= bound, "at least", "bytes"),
  max_bytes: size(bytes, (length, bound) => length <= bound, "at most", "bytes"),
  min_items: size(items, (length, bound) => length >= bound, "at least", "items"),
  max_items: size(items, (length, bound) => length <= bound, "at most", "items"),
  min_pairs: size(pairs, (length, bound) => length >= bound, "at least", "entries"),
  max_pairs: size(pairs, (length, bound) => length <= bound, "at most", "entries"),
  unique: (value) => (isUnique(value) ? undefined : "must not hold a value twice"),

  pattern: (value, bound) => (matches(String(bound), value) ? undefined : `must match ${bound}`),
  prefix: text((value, bound) => value.startsWith(bound), "begin with"),
  suffix: text((value, bound) => value.endsWith(bound), "end with"),
  contains: text((value, bound) => value.includes(bound), "contain"),
  not_contains: text((value, bound) => !value.includes(bound), "not contain"),
  uri: format((value) => URL.canParse(value), "a URI"),
  uri_ref: format((value) => URL.canParse(value, "http://host/"), "a URI or a path"),
  ip: format((value) => isIP(value) !== 0, "an IP address"),
  ipv4: format(isIPv4, "an IPv4 address"),
  ipv6: format(isIPv6, "an IPv6 address"),
  hostname: format(isHostname, "a host name"),
  address: format((value) => isIP(value) !== 0 || isHostname(value), "a host name or an IP address"),
  email: format((value) => /^[^@\s]+@[^@\s]+$/.test(value), "an email address"),
  uuid: format((value) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value), "a UUID"),
  well_known_regex: (value, bound, { strict }) => headerProblem(String(value), bound, strict),
};

function ordered(holds: (order: number) => boolean, words: string): Rule {
  return (value, bound) => {
    if (!isOrdered(value) || !isOrdered(bound) || holds(compare(value, bound as Ordered))) return undefined;
    return `must be ${words} ${valueText(bound)}, not ${valueText(value)}`;
  };
}

function size(
  measure: (value: unknown) => number,
  holds: (a: number, b: number) => boolean,
  words: string,
  unit: string,
) {
  const rule: Rule = (value, bound) => {
    if (holds(measure(value), Number(bound))) return undefined;
    if (words === "at least" && Number(bound) === 1) return "must not be empty";
    return `must have ${words} ${bound} ${unit}, not ${measure(value)}`;
  };
  return rule;
}

function text(holds: (value: string, bound: string) => boolean, words: string): Rule {
  return (value, bound) => (holds(String(value), String(bound)) ? undefined : `must ${words} ${valueText(bound)}`);
}

function format(holds: (value: string) => boolean, words: string): Rule {
  return (value, bound) => (bound !== true || holds(String(value)) ? undefined : `must be ${words}`);
}

/** Lengths of texts are counted in Unicode characters. */
function characters(value: unknown): number {
  return [...String(value)].length;
}

function bytes(value: unknown): number {
  return value instanceof Uint8Array ? value.length : Buffer.byteLength(String(value));
}

function charactersOrBytes(value: unknown): number {
  return value instanceof Uint8Array ? value.length : characters(value);
}

function items(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

function pairs(value: unknown): number {
  return typeof value === "object" && value !== null ? Object.keys(value).length : 0;
}

function isUnique(value: unknown): boolean {
  if (!Array.isArray(value)) return true;
  return value.every((item, index) => value.findIndex((other) => equal(other, item)) === index);
}

function isOneOf(value: unknown, bound: unknown): boolean {
  return Array.isArray(bound) && bound.some((one) => equal(one, value));
}

/** RE2's syntax, as far as it is JavaScript's; Envoy has no pattern beyond that. */
function matches(pattern: string, value: unknown): boolean {
  return new RegExp(pattern, "u").test(
    value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : String(value),
  );
}

function isHostname(value: string): boolean {
  const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
  return (
    value.length <= 253 &&
    value
      .replace(/\.$/, "")
      .split(".")
      .every((part) => label.test(part))
  );
}

/** Not strict: whatever cannot end a header line early. */
const lenientHeader = (value: string) => !["\u0000", "\n", "\r"].some((character) => value.includes(character));
const headerName = (value: string) => /^:?[0-9a-zA-Z!#$%&'*+\-.^_|~`]+$/.test(value);
const headerValue = (value: string) => [...value].every((c) => c === "\t" || (c >= " " && c !== "\u007f"));

function headerProblem(value: string, kind: unknown, strict: boolean): string | undefined {
  const isName = kind === KnownRegex.HTTP_HEADER_NAME;
  const isGood = strict ? (isName ? headerName : headerValue) : lenientHeader;
  if (isGood(value)) return undefined;
  return `must be ${isName ? "the name" : "a value"} of an HTTP header`;
}
