/** A JSON number by its text: int64 and decimals lose nothing. */
export class JsonNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

type Reviver = (this: unknown, key: string, value: unknown, context?: { source?: string }) => unknown;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The members of a JSON object by lower-case name; the last of equal names wins, and null is as good as absent
 * (docs/contracts/minishop.md 9.7, 1.1). For anything else a text that says what is wrong.
 */
export function parseMessageJson(data: Uint8Array): ReadonlyMap<string, unknown> | string {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(data), keepNumbers as Parameters<typeof JSON.parse>[1]);
  } catch {
    // Also too deep a nesting: the reviver's recursion ends with a RangeError.
    return "the body is not JSON";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof JsonNumber) {
    return "the body is not a JSON object";
  }
  const fields = new Map<string, unknown>();
  for (const [name, member] of Object.entries(value)) {
    if (member !== null) fields.set(name.toLowerCase(), member);
  }
  return fields;
}

const keepNumbers: Reviver = function keepNumbers(_key, value, context) {
  return typeof value === "number" ? new JsonNumber(context?.source ?? String(value)) : value;
};
