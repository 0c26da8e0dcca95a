import { create, type DescField, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { type FieldJson, json } from "@ordermesh/proto/ordermesh/rest/v1/options_pb";
import type { JsonWriteRules } from "./dialect.ts";

/** A message of protobuf-es seen as what it is at run time: a plain object whose keys are local field names. */
export type AnyMessage = Record<string, unknown>;

/** The field's value: undefined when it has presence and is not set. */
export function getField(message: AnyMessage, field: DescField): unknown {
  if (field.oneof === undefined) {
    // A field with presence that is not set may have its default on the prototype.
    return Object.hasOwn(message, field.localName) ? message[field.localName] : undefined;
  }
  const chosen = message[field.oneof.localName] as { case?: string; value?: unknown };
  return chosen.case === field.localName ? chosen.value : undefined;
}

/** `getField` of one field, for where it is read often. */
export function fieldReader(field: DescField): (message: AnyMessage) => unknown {
  const { localName } = field;
  // Messages have no default, and without presence a value is always set: what is on a prototype does not matter.
  const isPlain = field.oneof === undefined && (field.fieldKind === "message" || !hasPresence(field));
  return isPlain ? (message) => message[localName] : (message) => getField(message, field);
}

export function setField(message: AnyMessage, field: DescField, value: unknown): void {
  if (field.oneof === undefined) message[field.localName] = value;
  else message[field.oneof.localName] = { case: field.localName, value };
}

/** The message at the end of a path of message fields; missing ones are made. */
export function descend(message: AnyMessage, fields: readonly DescField[]): AnyMessage {
  let target = message;
  for (const field of fields) {
    let next = getField(target, field) as AnyMessage | undefined;
    if (next === undefined) {
      next = create(field.message as DescMessage) as unknown as AnyMessage;
      setField(target, field, next);
    }
    target = next;
  }
  return target;
}

/** The field knows "not set" apart from its zero value. */
export function hasPresence(field: DescField): boolean {
  return field.presence !== FeatureSet_FieldPresence.IMPLICIT;
}

/** protobuf-es holds a singular wrapper (google.protobuf.StringValue ...) as its bare value. */
export function unwrapped(field: DescField): DescField | undefined {
  if (field.fieldKind !== "message" || field.oneof !== undefined || !isWrapperDesc(field.message)) return undefined;
  return field.message.fields[0];
}

/** protobuf-es holds a singular google.protobuf.Struct as a plain object. */
export function isPlainStruct(field: DescField): boolean {
  return (
    field.fieldKind === "message" &&
    field.message.typeName === "google.protobuf.Struct" &&
    field.parent.typeName !== "google.protobuf.Value"
  );
}

/** What `(ordermesh.rest.v1.json)` says of the field. */
export function fieldJson(field: DescField): FieldJson | undefined {
  return hasOption(field, json) ? getOption(field, json) : undefined;
}

/** The field's name in a surface's JSON. */
export function jsonNameOf(field: DescField, rules: Pick<JsonWriteRules, "names">): string {
  return fieldJson(field)?.name || (rules.names === "proto" ? field.name : field.jsonName);
}

/** Names under which a surface takes the field, the surface's own first. */
export function namesOf(field: DescField, rules: Pick<JsonWriteRules, "names">, both: boolean): readonly string[] {
  const own = jsonNameOf(field, rules);
  return both ? [...new Set([own, field.jsonName, field.name])] : [own];
}

/** Field number order: the order of keys in replies, whatever the order of the file. */
export function fieldsInOrder(message: DescMessage): readonly DescField[] {
  return message.fields.toSorted((a, b) => a.number - b.number);
}
