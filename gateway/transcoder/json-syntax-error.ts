/** What the reader met; a surface tells it in its own words (`json_invalid`, `invalid character ...`). */
export type JsonSyntaxReason =
  | "invalid-utf8"
  | "expected-value"
  | "expected-key"
  | "expected-colon"
  /** Between two members or elements: a comma or the closing bracket. */
  | "expected-comma"
  | "trailing-comma"
  /** `NaN`, `Infinity`, `-Infinity`: no JSON, though some parsers take them. */
  | "not-finite"
  | "unterminated-string"
  | "control-character"
  | "invalid-escape"
  | "invalid-unicode-escape"
  | "lone-surrogate"
  | "duplicate-key"
  | "too-deep"
  | "extra-data";

const sentences: Readonly<Record<JsonSyntaxReason, string>> = {
  "invalid-utf8": "the body is not UTF-8",
  "expected-value": "expected a value",
  "expected-key": "expected a member name in double quotes",
  "expected-colon": 'expected ":"',
  "expected-comma": 'expected "," or the end of the object or array',
  "trailing-comma": "a comma before the end of the object or array",
  "not-finite": "NaN and Infinity are not JSON",
  "unterminated-string": "the string that begins here has no end",
  "control-character": "control characters in strings are escaped",
  "invalid-escape": "unknown escape",
  "invalid-unicode-escape": "\\u is followed by four hexadecimal digits",
  "lone-surrogate": "half of a surrogate pair",
  "duplicate-key": "the name stands twice in its object",
  "too-deep": "nested too deep",
  "extra-data": "something follows the value",
};

/** A body that is not JSON, or not as this surface takes it. */
export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";
  readonly reason: JsonSyntaxReason;
  /** Place in characters (Unicode code points), as Python counts; in bytes when the body is not UTF-8. */
  readonly offset: number;
  /** The same place in bytes of UTF-8. */
  readonly byteOffset: number;
  /** The character there; undefined at the text's end. */
  readonly found: string | undefined;
  /** The first character after it that is no blank: of a trailing comma, the bracket. */
  readonly following: string | undefined;

  /** `index` counts UTF-16 units of `text`. */
  constructor(reason: JsonSyntaxReason, text: string, index: number) {
    const before = text.slice(0, index);
    let offset = 0;
    for (const _ of before) offset += 1;
    super(`${sentences[reason]} (at character ${offset})`);
    this.reason = reason;
    this.offset = offset;
    this.byteOffset = Buffer.byteLength(before);
    const code = text.codePointAt(index);
    this.found = code === undefined ? undefined : String.fromCodePoint(code);
    this.following = /\S/.exec(text.slice(index + (this.found?.length ?? 0)))?.[0];
  }
}
