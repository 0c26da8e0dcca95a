import type { JsonSyntaxError, JsonSyntaxReason } from "../../transcoder/json-syntax-error.ts";
import { jsonReply, type Reply } from "../../transcoder/reply.ts";
import { jsonInvalid } from "./validation.ts";

/** Python's words for what the reader met, and how far after the reader's place Python's is. */
const words: Partial<Record<JsonSyntaxReason, { readonly error: string; readonly after?: number }>> = {
  "expected-value": { error: "Expecting value" },
  "expected-key": { error: "Expecting property name enclosed in double quotes" },
  "expected-colon": { error: "Expecting ':' delimiter" },
  "expected-comma": { error: "Expecting ',' delimiter" },
  "unterminated-string": { error: "Unterminated string starting at" },
  "control-character": { error: "Invalid control character at" },
  "invalid-escape": { error: "Invalid \\escape" },
  "invalid-unicode-escape": { error: "Invalid \\uXXXX escape", after: 1 },
  "extra-data": { error: "Extra data" },
  // Python takes these two, and the original then failed (contract 7.1).
  "not-finite": { error: "Expecting value" },
  "lone-surrogate": { error: "Invalid \\uXXXX escape", after: 1 },
};

/** A body that cannot be read as text at all, or not by Python's reader. */
export const unreadableBody: Reply = jsonReply(
  400,
  '{"detail":"There was an error parsing the body"}',
  "application/json",
);

/** What FastAPI answers to a body that is not JSON (contract 1.6, 7.1). */
export function jsonSyntaxReply(error: JsonSyntaxError): Reply {
  if (error.reason === "trailing-comma") {
    const container = error.following === "]" ? "array" : "object";
    return jsonInvalid(error.offset, `Illegal trailing comma before end of ${container}`);
  }
  const found = words[error.reason];
  return found === undefined ? unreadableBody : jsonInvalid(error.offset + (found.after ?? 0), found.error);
}
