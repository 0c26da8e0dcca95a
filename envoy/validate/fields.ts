import {
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
} from "@bufbuild/protobuf";
import { envoyTypes, messageOfTypeUrl, typeNameOf } from "../types.ts";
import type { Path } from "./path.ts";
import type { Problem } from "./problem.ts";
import { suggestion } from "./suggestion.ts";

/** What became of JSON. */
export interface FieldCheck {
  readonly problems: readonly Problem[];
  /** What can be read as the message. */
  readonly json: JsonValue;
  /** Nothing had to be left out, such as an extension whose type is unknown. */
  readonly isComplete: boolean;
}

/**
 * Compares JSON with the message it should be: unknown fields, values of a wrong kind, two fields of one oneof, unknown
 * extensions, deprecated fields; at all depths, within `Any` too, and all at once.
 */
export function checkFields(schema: DescMessage, json: JsonValue): FieldCheck {
  const walk = new Walk();
  const read = walk.message(schema, json, []);
  return { json: read, problems: walk.problems, isComplete: walk.isComplete };
}

/** Messages that JSON writes in a way of their own (protobuf's ProtoJSON): a text, a number, anything at all. */
function isLeaf({ typeName }: DescMessage): boolean {
  return typeName.startsWith("google.protobuf.") && typeName !== "google.protobuf.Any";
}

class Walk {
  readonly problems: Problem[] = [];
  isComplete = true;

  message(schema: DescMessage, json: JsonValue, path: Path): JsonValue {
    if (schema.typeName === "google.protobuf.Any") return this.#any(json, path);
    if (!isObject(json)) {
      this.#error(path, `must be an object (${schema.typeName}), not ${kindOf(json)}`);
      return {};
    }
    const fields = fieldsByName(schema);
    const result: JsonObject = {};
    const members = new Map<string, string>();
    const seen = new Map<DescField, string>();
    for (const [key, value] of Object.entries(json)) {
      const at = [...path, key];
      const field = fields.get(key);
      if (field === undefined) {
        this.#error(at, unknownField(schema, key));
        continue;
      }
      const before = seen.get(field) ?? (field.oneof && members.get(field.oneof.name));
      seen.set(field, key);
      if (field.oneof !== undefined) members.set(field.oneof.name, key);
      // null is as good as absent (ProtoJSON), and no other value fits where another member has one.
      if (value === null && !acceptsNull(field)) continue;
      if (before !== undefined) {
        this.#error(at, `cannot be set together with ${before}`);
        continue;
      }
      if (field.deprecated) this.#warn(at, "is deprecated: a later Envoy will refuse it");
      result[field.name] = this.#field(schema, field, value, at);
    }
    return result;
  }

  #field(schema: DescMessage, field: DescField, value: JsonValue, path: Path): JsonValue {
    const message = field.message;
    if (message === undefined || isLeaf(message)) return this.#leaf(schema, field, value, path);
    if (field.fieldKind === "message") return this.message(message, value, path);
    if (field.fieldKind === "list") {
      if (Array.isArray(value)) return value.map((item, index) => this.message(message, item, [...path, index]));
      this.#error(path, `must be a list, not ${kindOf(value)}`);
      return [];
    }
    if (isObject(value)) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, this.message(message, item, [...path, key])]),
      );
    }
    this.#error(path, `must be an object, not ${kindOf(value)}`);
    return {};
  }

  /** What the library reads in one step: it knows every rule, and says which one is broken. */
  #leaf(schema: DescMessage, field: DescField, value: JsonValue, path: Path): JsonValue {
    const problem = readingProblem(schema, field, value);
    if (problem === undefined) return value;
    this.#error(path, problem);
    return null;
  }

  #any(json: JsonValue, path: Path): JsonValue {
    const nothing = { "@type": "type.googleapis.com/google.protobuf.Empty" };
    if (!isObject(json)) {
      this.#error(path, `must be an object with "@type", not ${kindOf(json)}`);
      return nothing;
    }
    const { "@type": typeUrl, ...fields } = json;
    if (typeof typeUrl !== "string") {
      this.#error(path, `needs "@type": which message this is, such as type.googleapis.com/envoy...`);
      return nothing;
    }
    const schema = messageOfTypeUrl(typeUrl);
    if (schema === undefined) {
      this.#unknownType([...path, "@type"], typeUrl);
      return nothing;
    }
    if (!typeUrl.includes("/")) {
      this.#error([...path, "@type"], `must be a URL: type.googleapis.com/${typeUrl}`);
      return nothing;
    }
    if (!isLeaf(schema)) return { "@type": typeUrl, ...(this.message(schema, fields, path) as JsonObject) };
    return { "@type": typeUrl, ...fields };
  }

  /** A name that resembles one we know is a typing error; any other may be an extension of somebody's own. */
  #unknownType(path: Path, typeUrl: string): void {
    this.isComplete = false;
    const names = [...envoyTypes].filter(({ kind }) => kind === "message").map(({ typeName }) => typeName);
    const meant = suggestion(typeNameOf(typeUrl), names);
    if (meant !== undefined) this.#error(path, `unknown type ${typeUrl}; did you mean type.googleapis.com/${meant}?`);
    else this.#warn(path, `unknown type ${typeUrl}: what is in it was not checked`);
  }

  #error(path: Path, message: string): void {
    this.problems.push({ severity: "error", path, message });
  }

  #warn(path: Path, message: string): void {
    this.problems.push({ severity: "warning", path, message });
  }
}

/** Why a value cannot be read as the field's kind; undefined where it can. */
function readingProblem(schema: DescMessage, field: DescField, value: JsonValue): string | undefined {
  try {
    fromJson(schema, { [field.name]: value }, { registry: envoyTypes });
    return undefined;
  } catch (error) {
    if (field.enum !== undefined) return enumProblem(field.enum, value);
    if (field.message !== undefined)
      return `must be ${leafWords[field.message.name] ?? field.message.typeName}, not ${kindOf(value)}`;
    const text = error instanceof Error ? error.message : String(error);
    return text.replace(/^cannot (decode|assign) .*? from JSON: /, "");
  }
}

function enumProblem({ values }: DescEnum, value: JsonValue): string {
  const names = values.map(({ name }) => name);
  const meant = typeof value === "string" ? suggestion(value, names) : undefined;
  const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
  return `must be one of ${names.join(", ")}, not ${kindOf(value)}${hint}`;
}

/** Messages of google.protobuf that JSON writes as a text or a number. */
const leafWords: Readonly<Record<string, string>> = {
  Duration: 'a duration such as "1.5s"',
  Timestamp: 'a time such as "2026-01-31T12:00:00Z"',
  BoolValue: "true or false",
  StringValue: "a text",
  UInt32Value: "a whole number from 0 to 4294967295",
  UInt64Value: "a whole number from 0",
  Int32Value: "a whole number",
  Int64Value: "a whole number",
  FloatValue: "a number",
  DoubleValue: "a number",
  Empty: "{}",
  Struct: "an object",
  ListValue: "a list",
};

function unknownField(schema: DescMessage, key: string): string {
  const meant = suggestion(
    key,
    schema.fields.map(({ name }) => name),
  );
  const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
  return `unknown field of ${schema.typeName}${hint}`;
}

const fieldCache = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** Both spellings of each field: that of the proto file and that of JSON. */
function fieldsByName(schema: DescMessage): ReadonlyMap<string, DescField> {
  const cached = fieldCache.get(schema);
  if (cached !== undefined) return cached;
  const fields = new Map(schema.fields.flatMap((field) => [[field.name, field] as const, [field.jsonName, field]]));
  fieldCache.set(schema, fields);
  return fields;
}

function acceptsNull({ message, enum: type }: DescField): boolean {
  return message?.typeName === "google.protobuf.Value" || type?.typeName === "google.protobuf.NullValue";
}

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function kindOf(json: JsonValue): string {
  if (json === null) return "nothing";
  return Array.isArray(json) ? "a list" : typeof json === "object" ? "an object" : JSON.stringify(json);
}
