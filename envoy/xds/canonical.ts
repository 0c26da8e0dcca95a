import { clone, type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { messageOfTypeUrl } from "../types.ts";

/**
 * Binary form that is the same for equal content: protobuf leaves the order of map entries open, so they are sorted by key,
 * also in google.protobuf.Struct and within every `Any` of a known type.
 */
export function canonicalBinary<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Uint8Array {
  const copy = clone(schema, message);
  sortFields(schema, copy as unknown as Fields);
  return toBinary(schema, copy);
}

type Fields = Record<string, unknown>;

function sortFields(schema: DescMessage, message: Fields): void {
  for (const field of schema.fields) {
    const oneof = field.oneof === undefined ? undefined : (message[field.oneof.localName] as Fields);
    if (oneof !== undefined && oneof.case !== field.localName) continue;
    const [holder, key] = oneof === undefined ? [message, field.localName] : [oneof, "value"];
    const value = holder[key];
    if (value === undefined || value === null) continue;
    const { message: type } = field;
    const sorted = (item: unknown) => (type === undefined ? item : sortValue(type, item));
    if (field.fieldKind === "map") holder[key] = sortEntries(value as Fields, sorted);
    else if (field.fieldKind === "list") holder[key] = (value as unknown[]).map(sorted);
    else holder[key] = sorted(value);
  }
}

/** Struct and the wrappers of scalars stand in their fields as plain values. */
function sortValue(schema: DescMessage, value: unknown): unknown {
  if (!isObject(value)) return value;
  if (!("$typeName" in value)) return sortJson(value);
  if (schema.typeName === "google.protobuf.Any") sortAny(value as unknown as { typeUrl: string; value: Uint8Array });
  else sortFields(schema, value);
  return value;
}

function sortAny(any: { typeUrl: string; value: Uint8Array }): void {
  const schema = messageOfTypeUrl(any.typeUrl);
  if (schema !== undefined) any.value = canonicalBinary(schema, fromBinary(schema, any.value));
}

function sortJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortJson);
  return isObject(value) ? sortEntries(value, sortJson) : value;
}

function sortEntries(entries: Fields, map: (value: unknown) => unknown): Fields {
  const keys = Object.keys(entries).sort();
  return Object.fromEntries(keys.map((key) => [key, map(entries[key])]));
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array);
}
