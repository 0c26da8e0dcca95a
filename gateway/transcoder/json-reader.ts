import { isUtf8 } from "node:buffer";
import { JsonSyntaxError, type JsonSyntaxReason } from "./json-syntax-error.ts";
import { JsonNumber, type JsonObject, type JsonTree } from "./json-tree.ts";

/** Where JSON readers differ, and clients came to rely on it. */
export interface JsonReadRules {
  /** Arrays and objects inside one another; at most 1000, the reader recurses. */
  readonly maxDepth: number;
  readonly duplicateKeys: "refuse" | "last-wins";
  /** What follows the first value: refused, or never looked at (as Go's json.Decoder). */
  readonly trailing: "refuse" | "ignore";
}

/**
 * Reads one JSON text (RFC 8259): bytes to a tree, numbers unchanged. Refuses invalid UTF-8, byte order marks, NaN and
 * lone surrogates whatever the rules. Throws JsonSyntaxError, nothing else.
 */
export function readJson(bytes: Uint8Array, rules: JsonReadRules): JsonTree {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isUtf8(buffer)) throw invalidUtf8(buffer);
  return new Reader(buffer.toString("utf8"), rules).document();
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const closeObject = 0x7d;
const closeArray = 0x5d;

/** Longest beginning that is a number; what follows is the caller's to refuse. */
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const notFinite = /NaN|-?Infinity/y;
const fourHex = /[0-9a-fA-F]{4}/y;

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

class Reader {
  readonly #text: string;
  readonly #rules: JsonReadRules;
  #index = 0;
  #depth = 0;

  constructor(text: string, rules: JsonReadRules) {
    this.#text = text;
    this.#rules = rules;
  }

  document(): JsonTree {
    this.#skipBlanks();
    const value = this.#value();
    if (this.#rules.trailing === "refuse") {
      this.#skipBlanks();
      if (this.#index < this.#text.length) throw this.#error("extra-data");
    }
    return value;
  }

  #value(): JsonTree {
    switch (this.#text.charCodeAt(this.#index)) {
      case quote:
        return this.#string();
      case 0x7b:
        return this.#object();
      case 0x5b:
        return this.#array();
      case 0x74:
        return this.#word("true", true);
      case 0x66:
        return this.#word("false", false);
      case 0x6e:
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #object(): JsonObject {
    const members: JsonObject = new Map();
    this.#enter();
    if (this.#takeClosing(closeObject)) return members;
    for (;;) {
      if (this.#text.charCodeAt(this.#index) !== quote) throw this.#error("expected-key");
      const start = this.#index;
      const key = this.#string();
      if (this.#rules.duplicateKeys === "refuse" && members.has(key)) throw this.#error("duplicate-key", start);
      this.#skipBlanks();
      if (this.#text.charCodeAt(this.#index) !== 0x3a) throw this.#error("expected-colon");
      this.#index += 1;
      this.#skipBlanks();
      members.set(key, this.#value());
      if (this.#takeSeparator(closeObject)) return members;
    }
  }

  #array(): JsonTree[] {
    const elements: JsonTree[] = [];
    this.#enter();
    if (this.#takeClosing(closeArray)) return elements;
    do elements.push(this.#value());
    while (!this.#takeSeparator(closeArray));
    return elements;
  }

  #enter(): void {
    this.#depth += 1;
    if (this.#depth > this.#rules.maxDepth) throw this.#error("too-deep");
    this.#index += 1;
    this.#skipBlanks();
  }

  #takeClosing(closing: number): boolean {
    if (this.#text.charCodeAt(this.#index) !== closing) return false;
    this.#index += 1;
    this.#depth -= 1;
    return true;
  }

  /** Past the comma before the next element (false), or past the closing bracket (true). */
  #takeSeparator(closing: number): boolean {
    this.#skipBlanks();
    if (this.#takeClosing(closing)) return true;
    const start = this.#index;
    if (this.#text.charCodeAt(start) !== comma) throw this.#error("expected-comma");
    this.#index += 1;
    this.#skipBlanks();
    if (this.#text.charCodeAt(this.#index) === closing) throw this.#error("trailing-comma", start);
    return false;
  }

  #string(): string {
    const start = this.#index;
    let from = start + 1;
    let read = "";
    for (let index = from; ; index += 1) {
      const code = this.#text.charCodeAt(index);
      if (code === quote) {
        this.#index = index + 1;
        return read + this.#text.slice(from, index);
      }
      if (code === backslash) {
        read += this.#text.slice(from, index);
        this.#index = index;
        read += this.#escape(start);
        from = this.#index;
        index = from - 1;
      } else if (code < 0x20) {
        throw this.#error("control-character", index);
      } else if (Number.isNaN(code)) {
        throw this.#error("unterminated-string", start);
      }
    }
  }

  #escape(stringStart: number): string {
    const start = this.#index;
    const letter = this.#text.charAt(start + 1);
    if (letter === "") throw this.#error("unterminated-string", stringStart);
    if (letter !== "u") {
      const character = escapes[letter];
      if (character === undefined) throw this.#error("invalid-escape", start);
      this.#index = start + 2;
      return character;
    }
    const first = this.#hex(start + 2);
    this.#index = start + 6;
    if (first < 0xd800 || first > 0xdfff) return String.fromCharCode(first);
    if (first > 0xdbff || !this.#text.startsWith("\\u", this.#index)) throw this.#error("lone-surrogate", start);
    const second = this.#hex(start + 8);
    if (second < 0xdc00 || second > 0xdfff) throw this.#error("lone-surrogate", start);
    this.#index = start + 12;
    return String.fromCharCode(first, second);
  }

  #hex(index: number): number {
    fourHex.lastIndex = index;
    const digits = fourHex.exec(this.#text)?.[0];
    if (digits === undefined) throw this.#error("invalid-unicode-escape", index - 2);
    return Number.parseInt(digits, 16);
  }

  #number(): JsonNumber {
    notFinite.lastIndex = this.#index;
    if (notFinite.test(this.#text)) throw this.#error("not-finite");
    number.lastIndex = this.#index;
    const source = number.exec(this.#text)?.[0];
    if (source === undefined) throw this.#error("expected-value");
    this.#index += source.length;
    return new JsonNumber(source);
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#index)) throw this.#error("expected-value");
    this.#index += word.length;
    return value;
  }

  #skipBlanks(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#index);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#index += 1;
    }
  }

  #error(reason: JsonSyntaxReason, index = this.#index): JsonSyntaxError {
    return new JsonSyntaxError(reason, this.#text, index);
  }
}

/** The first byte that is not UTF-8: decoding puts U+FFFD there, so encoding again first differs there. */
function invalidUtf8(bytes: Buffer): JsonSyntaxError {
  const encoded = Buffer.from(bytes.toString("utf8"));
  let index = 0;
  while (index < bytes.length && bytes[index] === encoded[index]) index += 1;
  return new JsonSyntaxError("invalid-utf8", bytes.toString("latin1"), index);
}
