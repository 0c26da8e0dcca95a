import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type Message,
  type Registry,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { scalarZeroValue } from "@bufbuild/protobuf/reflect";
import { plainDecimal } from "./decimal.ts";
import type { JsonWriteRules } from "./dialect.ts";
import {
  type AnyMessage,
  fieldJson,
  fieldReader,
  fieldsInOrder,
  hasPresence,
  isPlainStruct,
  jsonNameOf,
  unwrapped,
} from "./field.ts";
import { type Instant, timeToText } from "./time-text.ts";

/** Text of one value; undefined comes only to fields. */
type WriteValue = (value: never) => string;

/** Writes a message, compiled for one type and one dialect. Throws when the message cannot be written (a bug). */
export type WriteMessage = (message: Message) => string;

export interface JsonWriter {
  /** Writer of a whole message, without the fields named in `omit`. */
  message(schema: DescMessage, omit?: DescField): WriteMessage;
  /** Writer of one field's value alone, for `response_body`. */
  field(field: DescField): WriteMessage;
}

/**
 * Compiles writers of a dialect; each message type once. Keys come in field number order. `registry` resolves what
 * google.protobuf.Any holds.
 */
export function createJsonWriter(rules: JsonWriteRules, registry?: Registry): JsonWriter {
  const compiled = new Map<DescMessage, WriteValue>();

  return {
    message: (schema, omit) =>
      (omit === undefined ? messageValue(schema) : compileFields(schema, omit)) as WriteMessage,
    field(field) {
      const read = fieldReader(field);
      const write = fieldValue(field);
      const none = field.fieldKind === "message" ? "{}" : "null";
      return (message) => {
        const value = read(message as unknown as AnyMessage);
        return value === undefined ? none : write(value as never);
      };
    },
  };

  function messageValue(schema: DescMessage): WriteValue {
    const known = compiled.get(schema);
    if (known !== undefined) return known;
    // Types may hold themselves: the compiled writer is looked up when it is first needed.
    let write: WriteValue | undefined;
    const later: WriteValue = (value) => {
      write ??= compileMessage(schema);
      return write(value);
    };
    compiled.set(schema, later);
    return later;
  }

  function compileMessage(schema: DescMessage): WriteValue {
    if (schema.typeName === "google.protobuf.Timestamp") return timeValue(rules.time);
    if (schema.file.name.startsWith("google/protobuf/")) return wellKnownValue(schema);
    return compileFields(schema);
  }

  /** Types with a JSON form of their own. */
  function wellKnownValue(schema: DescMessage): WriteValue {
    const options = {
      registry,
      alwaysEmitImplicit: rules.zeroValues === "write",
      useProtoFieldName: rules.names === "proto",
    };
    return (value: Message) => JSON.stringify(toJson(schema, value, options));
  }

  function compileFields(schema: DescMessage, omit?: DescField): WriteValue {
    const members = fieldsInOrder(schema)
      .filter((field) => field !== omit)
      .map(compileField);
    return (message: AnyMessage) => {
      let text = "";
      for (const append of members) text = append(message, text);
      return text === "" ? "{}" : `${text}}`;
    };
  }

  /** Adds `"name":value` to the object's text so far ("": nothing yet), or leaves the field out. */
  function compileField(field: DescField): (message: AnyMessage, text: string) => string {
    const special = fieldJson(field);
    const name = JSON.stringify(jsonNameOf(field, rules));
    const first = `{${name}:`;
    const next = `,${name}:`;
    const nullable = rules.unset === "null" || special?.nullWhenUnset === true;
    const writeNull = nullable && field.oneof === undefined && special?.omitEmpty !== true;
    const omitZero = special?.omitEmpty === true || (rules.zeroValues === "omit" && !hasPresence(field));
    const isZero = omitZero ? zeroTest(field) : undefined;
    const read = fieldReader(field);
    const write = fieldValue(field);
    return (message, text) => {
      const value = read(message);
      if (value === undefined) return writeNull ? `${text === "" ? first : text + next}null` : text;
      if (isZero?.(value) === true) return text;
      return (text === "" ? first : text + next) + write(value as never);
    };
  }

  function fieldValue(field: DescField): WriteValue {
    if (field.fieldKind === "list") {
      const element = elementValue(field);
      return (values: never[]) => {
        let text = "[";
        for (const value of values) text += text === "[" ? element(value) : `,${element(value)}`;
        return `${text}]`;
      };
    }
    if (field.fieldKind === "map") {
      const element = elementValue(field);
      return (values: Record<string, never>) => {
        const members = Object.entries(values).map(([key, value]) => `${JSON.stringify(key)}:${element(value)}`);
        return `{${members.join(",")}}`;
      };
    }
    const inner = unwrapped(field);
    if (inner !== undefined) return elementValue(inner);
    return isPlainStruct(field) ? JSON.stringify : elementValue(field);
  }

  /** One value of the field, or one element of it. */
  function elementValue(field: DescField): WriteValue {
    const special = fieldJson(field);
    if (special?.decimal === true) return decimalValue(field);
    if (field.message?.typeName === "google.protobuf.Timestamp") return timeValue(special?.time || rules.time);
    if (field.message !== undefined) return messageValue(field.message);
    return field.enum === undefined ? scalarValue(field.scalar) : enumValue(field.enum);
  }

  function scalarValue(type: ScalarType): WriteValue {
    switch (type) {
      case ScalarType.STRING:
        return textToJson;
      case ScalarType.BYTES:
        return (value: Uint8Array) =>
          `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")}"`;
      case ScalarType.INT64:
      case ScalarType.UINT64:
      case ScalarType.SINT64:
      case ScalarType.FIXED64:
      case ScalarType.SFIXED64:
        return rules.int64 === "string" ? (value: bigint | string) => `"${value}"` : String;
      case ScalarType.DOUBLE:
      case ScalarType.FLOAT:
        return (value: number) => {
          if (!Number.isFinite(value)) return `"${value}"`;
          return Object.is(value, -0) ? "-0" : String(value);
        };
      default:
        return String;
    }
  }

  function enumValue(desc: DescEnum): WriteValue {
    if (desc.typeName === "google.protobuf.NullValue") return () => "null";
    const words = rules.enumWords?.[desc.typeName];
    if (words === undefined && rules.enums === "number") return String;
    const texts = new Map(
      desc.values.map((value) => [value.number, JSON.stringify(words?.[value.number] ?? value.name)]),
    );
    return (value: number) => texts.get(value) ?? String(value);
  }

  function decimalValue(field: DescField): WriteValue {
    return (value: string) => {
      const plain = plainDecimal(value || "0");
      if (plain === undefined) throw new TypeError(`${field} is no decimal number`);
      return rules.decimals === "fraction" && !plain.includes(".") ? `${plain}.0` : plain;
    };
  }

  function timeValue(format: JsonWriteRules["time"]): WriteValue {
    return (value: Instant) => `"${timeToText(value, format)}"`;
  }
}

/** Texts that JSON writes as they are: no control character, quote or backslash, no surrogate, which may be half a pair. */
const plain = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;

/** Most texts need no escape, and asking costs less than JSON.stringify. */
function textToJson(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** Whether a value of the field is its zero: nothing inside, or the scalar's default. A message that is set never is. */
function zeroTest(field: DescField): (value: unknown) => boolean {
  if (field.fieldKind === "list") return (value) => (value as unknown[]).length === 0;
  if (field.fieldKind === "map") return (value) => Object.keys(value as object).length === 0;
  if (field.fieldKind === "message") return () => false;
  if (fieldJson(field)?.decimal === true) return (value) => value === "" || plainDecimal(value as string) === "0";
  if (field.scalar === ScalarType.BYTES) return (value) => (value as Uint8Array).length === 0;
  const zero = field.scalar === undefined ? 0 : scalarZeroValue(field.scalar, field.longAsString);
  return (value) => value === zero;
}
