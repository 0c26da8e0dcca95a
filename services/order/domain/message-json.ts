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
    const text = utf8.decode(data);
    value = JSON.parse(text);
    // Written again it is the same text: then each number's text is the one that the number gives. This is the form that
    // most producers send, and several times as fast as a reviver.
    if (JSON.stringify(value) !== text) value = JSON.parse(text, keepNumbers as Parameters<typeof JSON.parse>[1]);
  } catch {
    // Also too deep a nesting: recursion ends with a RangeError.
    return "the body is not JSON";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof JsonNumber) {
    return "the body is not a JSON object";
  }
  const fields = new Map<string, unknown>();
  for (const [name, member] of Object.entries(value)) {
    if (member === null) continue;
    fields.set(name.toLowerCase(), typeof member === "number" ? new JsonNumber(String(member)) : member);
  }
  return fields;
}

const keepNumbers: Reviver = function keepNumbers(_key, value, context) {
  return typeof value === "number" ? new JsonNumber(context?.source ?? String(value)) : value;
};
