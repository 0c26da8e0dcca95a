import { type DescField, type DescMessage, type Message, ScalarType, toJson } from "@bufbuild/protobuf";
import { scalarZeroValue } from "@bufbuild/protobuf/reflect";
import { plainDecimal } from "../decimal.ts";
import type { JsonWriteRules } from "../dialect.ts";
import {
  type AnyMessage,
  fieldJson,
  fieldsInOrder,
  getField,
  hasPresence,
  isPlainStruct,
  jsonNameOf,
  unwrapped,
} from "../field.ts";
import { isLong } from "../scalar-text.ts";
import { type Instant, timeToText } from "../time-text.ts";

/** What JsonWriteRules and the field options mean, said once more: by looking every rule up for every value. */
export function referenceJson(schema: DescMessage, message: Message, rules: JsonWriteRules): string {
  const members = fieldsInOrder(schema).flatMap((field) => {
    const text = fieldText(field, getField(message as unknown as AnyMessage, field), rules);
    return text === undefined ? [] : [`${JSON.stringify(jsonNameOf(field, rules))}:${text}`];
  });
  return `{${members.join(",")}}`;
}

/** Undefined: the field is left out. */
function fieldText(field: DescField, value: unknown, rules: JsonWriteRules): string | undefined {
  const { omitEmpty, nullWhenUnset } = { omitEmpty: false, nullWhenUnset: false, ...fieldJson(field) };
  if (value === undefined) {
    const isNull = (rules.unset === "null" || nullWhenUnset) && field.oneof === undefined && !omitEmpty;
    return isNull ? "null" : undefined;
  }
  const omitsZero = omitEmpty || (rules.zeroValues === "omit" && !hasPresence(field));
  if (omitsZero && isZero(field, value)) return undefined;
  if (field.fieldKind === "list")
    return `[${(value as unknown[]).map((one) => elementText(field, one, rules)).join(",")}]`;
  if (field.fieldKind !== "map") return elementText(field, value, rules);
  const members = Object.entries(value as object);
  return `{${members.map(([key, one]) => `${JSON.stringify(key)}:${elementText(field, one, rules)}`).join(",")}}`;
}

function isZero(field: DescField, value: unknown): boolean {
  if (field.fieldKind === "message") return false;
  if (field.fieldKind === "list" || field.scalar === ScalarType.BYTES) return (value as unknown[]).length === 0;
  if (field.fieldKind === "map") return Object.keys(value as object).length === 0;
  if (fieldJson(field)?.decimal === true) return Number(value) === 0;
  return value === (field.scalar === undefined ? 0 : scalarZeroValue(field.scalar, field.longAsString));
}

function elementText(field: DescField, value: unknown, rules: JsonWriteRules): string {
  const special = fieldJson(field);
  const inner = field.fieldKind === "message" ? unwrapped(field) : undefined;
  if (inner !== undefined) return elementText(inner, value, rules);
  if (isPlainStruct(field)) return JSON.stringify(value);
  if (special?.decimal === true) {
    const plain = plainDecimal((value as string) || "0") ?? "";
    return rules.decimals === "fraction" && !plain.includes(".") ? `${plain}.0` : plain;
  }
  if (field.message?.typeName === "google.protobuf.Timestamp") {
    return `"${timeToText(value as Instant, special?.time || rules.time)}"`;
  }
  if (field.message !== undefined) return messageText(field.message, value as Message, rules);
  return field.enum === undefined ? scalarText(field.scalar, value, rules) : enumText(field, value as number, rules);
}

function messageText(schema: DescMessage, message: Message, rules: JsonWriteRules): string {
  if (!schema.file.name.startsWith("google/protobuf/")) return referenceJson(schema, message, rules);
  const options = { alwaysEmitImplicit: rules.zeroValues === "write", useProtoFieldName: rules.names === "proto" };
  return JSON.stringify(toJson(schema, message, options));
}

function enumText({ enum: desc }: DescField, value: number, rules: JsonWriteRules): string {
  if (desc?.typeName === "google.protobuf.NullValue") return "null";
  const words = rules.enumWords?.[desc?.typeName ?? ""];
  if (words === undefined && rules.enums === "number") return String(value);
  const name = words?.[value] ?? desc?.value[value]?.name;
  return name === undefined ? String(value) : JSON.stringify(name);
}

function scalarText(type: ScalarType | undefined, value: unknown, rules: JsonWriteRules): string {
  if (type === ScalarType.BYTES) return `"${Buffer.from(value as Uint8Array).toString("base64")}"`;
  if (typeof value === "number" && !Number.isFinite(value)) return `"${value}"`;
  if (Object.is(value, -0)) return "-0";
  if (type !== undefined && isLong(type)) return rules.int64 === "string" ? `"${value}"` : String(value);
  return JSON.stringify(value);
}
