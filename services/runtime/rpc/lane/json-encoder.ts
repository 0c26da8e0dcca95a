import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonWriteOptions,
  type Message,
  ScalarType,
  toJson,
  toJsonString,
} from "@bufbuild/protobuf";
import { scalarZeroValue } from "@bufbuild/protobuf/reflect";
import { FeatureSet_FieldPresence, type Timestamp } from "@bufbuild/protobuf/wkt";
import { type AnyMessage, hasPlainFields, Unusual, unusual } from "./plain-message.ts";
import { timestampText } from "./timestamp-text.ts";

/** Text of one value. */
type Write = (value: unknown) => string;
/** `"name":value`, or "" for a field that is not written. */
type WriteField = (message: AnyMessage) => string;

/**
 * Writes messages of one type exactly as `toJsonString` does, in about a third of the time: straight to text, without the tree
 * of objects in between. What is out of the ordinary (a type with a JSON form of its own, unknown fields, values of a wrong
 * type) is written by `toJsonString`.
 */
export function createJsonEncoder(type: DescMessage, options: Partial<JsonWriteOptions>): (message: Message) => string {
  const compiled = new Map<DescMessage, Write>();
  const write = writerOf(type);

  return (message) => {
    try {
      return write(message);
    } catch (error) {
      if (error instanceof Unusual) return toJsonString(type, message, options);
      throw error;
    }
  };

  function writerOf(message: DescMessage): Write {
    const known = compiled.get(message);
    if (known !== undefined) return known;
    // Types may hold themselves: the writer of such a field finds its type once it is needed.
    const later: Write = (value) => write(value);
    compiled.set(message, later);
    const write = message.typeName === "google.protobuf.Timestamp" ? writeTimestamp : compile(message);
    compiled.set(message, write);
    return write;
  }

  function compile(message: DescMessage): Write {
    if (message.typeName.startsWith("google.protobuf.") || !hasPlainFields(message))
      return (value) => JSON.stringify(toJson(message, value as Message, options));
    const fields = message.fields.toSorted((a, b) => a.number - b.number).map(fieldWriter);
    return (value) => {
      const own = value as AnyMessage;
      if (own.$typeName !== message.typeName || own.$unknown !== undefined) throw new Unusual();
      let text = "";
      for (const field of fields) {
        const member = field(own);
        if (member !== "") text = text === "" ? member : `${text},${member}`;
      }
      return `{${text}}`;
    };
  }

  function fieldWriter(field: DescField): WriteField {
    const name = field.localName;
    const prefix = `${JSON.stringify(field.jsonName)}:`;
    const write = valueWriter(field);
    if (field.fieldKind === "list") {
      return (message) => {
        const values = message[name] as unknown[];
        return values.length === 0 ? "" : `${prefix}[${values.map(write).join(",")}]`;
      };
    }
    if (field.fieldKind === "map") {
      return (message) => {
        const entries = Object.entries(message[name] as Record<string, unknown>);
        const members = entries.map(([key, value]) => `${JSON.stringify(key)}:${write(value)}`);
        return members.length === 0 ? "" : `${prefix}{${members.join(",")}}`;
      };
    }
    const { oneof } = field;
    if (oneof !== undefined) {
      return (message) => {
        const { case: set, value } = message[oneof.localName] as { case: unknown; value: unknown };
        return set === name ? prefix + write(value) : "";
      };
    }
    if (field.presence !== FeatureSet_FieldPresence.IMPLICIT) {
      return (message) => {
        const value = message[name];
        return value === undefined ? "" : prefix + write(value);
      };
    }
    if (field.scalar === ScalarType.BYTES) {
      return (message) => {
        const value = message[name] as Uint8Array;
        return value.length === 0 ? "" : prefix + write(value);
      };
    }
    const zero = zeroOf(field);
    return (message) => {
      const value = message[name];
      return Object.is(value, zero) ? "" : prefix + write(value);
    };
  }

  function valueWriter(field: DescField): Write {
    if (field.message !== undefined) return writerOf(field.message);
    return field.enum === undefined ? scalarWriter(field.scalar) : enumWriter(field.enum);
  }
}

function zeroOf(field: DescField): unknown {
  return field.scalar === undefined ? field.enum?.values[0]?.number : scalarZeroValue(field.scalar, false);
}

function scalarWriter(type: ScalarType): Write {
  switch (type) {
    case ScalarType.STRING:
      return writeString;
    case ScalarType.BOOL:
      return (value) => (typeof value === "boolean" ? String(value) : unusual());
    case ScalarType.BYTES:
      return (value) => (value instanceof Uint8Array ? `"${base64(value)}"` : unusual());
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return (value) => (typeof value === "number" && Number.isFinite(value) ? JSON.stringify(value) : unusual());
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return (value) => (typeof value === "bigint" ? `"${value}"` : unusual());
    default:
      return writeInteger;
  }
}

function enumWriter(type: DescEnum): Write {
  if (type.typeName === "google.protobuf.NullValue") return unusual;
  const texts = new Map<unknown, string>(type.values.map(({ number, jsonName }) => [number, JSON.stringify(jsonName)]));
  return (value) => texts.get(value) ?? writeInteger(value);
}

function writeInteger(value: unknown): string {
  return Number.isInteger(value) && !Object.is(value, -0) ? String(value) : unusual();
}

/** Quotes, backslashes, controls and what may be half a surrogate pair: JSON.stringify knows how. */
const needsEscape = /[^ !#-[\]-\ud7ff\ue000-\uffff]/;

function writeString(value: unknown): string {
  if (typeof value !== "string") return unusual();
  return needsEscape.test(value) ? JSON.stringify(value) : `"${value}"`;
}

function writeTimestamp(value: unknown): string {
  const { $typeName, seconds, nanos } = value as Timestamp;
  const text = $typeName === "google.protobuf.Timestamp" ? timestampText(seconds, nanos) : undefined;
  return text === undefined ? unusual() : `"${text}"`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
