import { type DescField, ScalarType } from "@bufbuild/protobuf";
import { fieldJson, unwrapped } from "./field.ts";
import type { JsonBinder, ReadValue } from "./json-binder.ts";
import { JsonNumber, type JsonTree } from "./json-tree.ts";
import { ValueError } from "./problem.ts";
import { isNumberText, parseNotFinite } from "./scalar-text.ts";

/** Value of a field from one path segment or query parameter. Throws ValueError. */
export type ReadText = (text: string) => unknown;

/** Messages that are one JSON string. */
const textMessages = new Set(["google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask"]);

/**
 * Reads texts as the surface reads JSON, numbers and booleans without their quotes. Undefined for a field that a text
 * cannot give: a message, a map.
 */
export function textReader(field: DescField, binder: JsonBinder): ReadText | undefined {
  if (field.fieldKind === "map") return undefined;
  const inner = unwrapped(field);
  if (inner !== undefined) return textReader(inner, binder);
  if (field.message !== undefined && !textMessages.has(field.message.typeName)) return undefined;
  const read = binder.element(field);
  if (field.message !== undefined) return (text) => read(text, "");
  if (fieldJson(field)?.decimal === true) return (text) => read(toNumber(text), "");
  if (field.enum !== undefined) return (text) => read(isNumberText(text) ? new JsonNumber(text) : text, "");
  return scalarReader(field.scalar, read);
}

function scalarReader(type: ScalarType, read: ReadValue): ReadText {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return (text) => read(text, "");
    case ScalarType.BOOL:
      return (text) => read(toBool(text), "");
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return (text) => parseNotFinite(text) ?? read(toNumber(text), "");
    default:
      return (text) => read(toNumber(text), "");
  }
}

function toNumber(text: string): JsonTree {
  if (!isNumberText(text)) throw new ValueError("must be a number");
  return new JsonNumber(text);
}

function toBool(text: string): boolean {
  if (text !== "true" && text !== "false") throw new ValueError("must be true or false");
  return text === "true";
}
