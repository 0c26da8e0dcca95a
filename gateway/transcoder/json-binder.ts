import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type Message,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { plainDecimal } from "./decimal.ts";
import type { JsonBindRules, JsonWriteRules } from "./dialect.ts";
import { type AnyMessage, fieldJson, isPlainStruct, namesOf, setField, unwrapped } from "./field.ts";
import { JsonNumber, type JsonTree, type PlainJson, treeToValue, typeName } from "./json-tree.ts";
import { type RequestProblem, ValueError, violation } from "./problem.ts";
import { isInteger, isNumberText, parseBytes, parseFloating, parseInteger, parseNotFinite } from "./scalar-text.ts";
import { suggest } from "./suggest.ts";
import { textToTime } from "./time-text.ts";

/** Value of a field from a tree; `path` is the field's, for violations. Throws ValueError or RequestProblem. */
export type ReadValue = (tree: JsonTree, path: string) => unknown;

export interface JsonBinder {
  /** Reads a whole message. Throws RequestProblem (kind `field`, source `body`). */
  message(schema: DescMessage): (tree: JsonTree) => Message;
  /** Reads a field's whole value, a list for a repeated one. The reader throws RequestProblem. */
  field(field: DescField): ReadValue;
  /** Reads one value of a field: an element of a repeated one. */
  element(field: DescField): ReadValue;
}

/** Compiles readers of a dialect; each message type once. `registry` resolves what google.protobuf.Any holds. */
export function createJsonBinder(
  rules: JsonBindRules,
  form: Pick<JsonWriteRules, "names" | "time" | "enumWords">,
  registry?: Registry,
): JsonBinder {
  const compiled = new Map<DescMessage, ReadValue>();

  return {
    message(schema) {
      const read = messageValue(schema);
      return (tree) => at(read, tree, "") as Message;
    },
    field(field) {
      const read = fieldValue(field);
      return (tree, path) => at(read, tree, path);
    },
    element: elementValue,
  };

  function messageValue(schema: DescMessage): ReadValue {
    const known = compiled.get(schema);
    if (known !== undefined) return known;
    // Types may hold themselves: the compiled reader is looked up when it is first needed.
    let read: ReadValue | undefined;
    const later: ReadValue = (tree, path) => {
      read ??= schema.file.name.startsWith("google/protobuf/") ? wellKnownValue(schema) : compileFields(schema);
      return read(tree, path);
    };
    compiled.set(schema, later);
    return later;
  }

  /** Types with a JSON form of their own. */
  function wellKnownValue(schema: DescMessage): ReadValue {
    if (schema.typeName === "google.protobuf.Timestamp") return timeValue(schema, form.time);
    return (tree) => {
      try {
        return fromJson(schema, finite(tree), { registry });
      } catch (error) {
        if (error instanceof ValueError) throw error;
        throw new ValueError(`must be a ${schema.typeName}`);
      }
    };
  }

  function timeValue(schema: DescMessage, format: JsonWriteRules["time"]): ReadValue {
    return (tree) => {
      const instant = typeof tree === "string" ? textToTime(tree, format) : undefined;
      if (instant === undefined) throw new ValueError("must be a time such as 2030-05-04T10:00:00Z");
      return create(schema, { ...instant } as never);
    };
  }

  function compileFields(schema: DescMessage): ReadValue {
    const fold = rules.keyCase === "insensitive" ? foldCase : (key: string) => key;
    const byName = new Map<string, BoundField>();
    for (const field of schema.fields) {
      const bound = { field, read: fieldValue(field), nullable: takesNull(field) };
      for (const name of namesOf(field, form, rules.bothNames)) byName.set(fold(name), bound);
    }
    return (tree, path) => {
      if (!(tree instanceof Map)) throw new ValueError(`must be an object, not ${typeName(tree)}`);
      const message = create(schema) as unknown as AnyMessage;
      const seen: BoundField[] = [];
      for (const [key, value] of tree) {
        const bound = byName.get(fold(key));
        if (bound === undefined) {
          if (rules.unknownKeys === "refuse") throw unknownKey(join(path, short(key)), key, byName.keys());
          continue;
        }
        const fieldPath = join(path, bound.field.name);
        if (rules.duplicateKeys === "refuse") refuseSecond(bound, seen, fieldPath);
        if (value === null && !bound.nullable) continue;
        setField(message, bound.field, at(bound.read, value, fieldPath));
      }
      return message;
    };
  }

  function fieldValue(field: DescField): ReadValue {
    if (field.fieldKind === "list") return listValue(field);
    return field.fieldKind === "map" ? mapValue(field) : elementValue(field);
  }

  function listValue(field: DescField & { fieldKind: "list" }): ReadValue {
    const element = elementValue(field);
    return (tree, path) => {
      if (!Array.isArray(tree)) throw new ValueError(`must be an array, not ${typeName(tree)}`);
      return tree.map((one, index) => at(element, one, `${path}[${index}]`));
    };
  }

  function mapValue(field: DescField & { fieldKind: "map" }): ReadValue {
    const element = elementValue(field);
    return (tree, path) => {
      if (!(tree instanceof Map)) throw new ValueError(`must be an object, not ${typeName(tree)}`);
      const entries = [...tree].map(([key, value]) => {
        const place = `${path}[${JSON.stringify(short(key))}]`;
        return [at(() => mapKey(key, field.mapKey), null, place), at(element, value, place)];
      });
      return Object.fromEntries(entries);
    };
  }

  function elementValue(field: DescField): ReadValue {
    const special = fieldJson(field);
    if (special?.decimal === true) return decimalValue;
    const inner = field.fieldKind === "message" ? unwrapped(field) : undefined;
    if (inner !== undefined) return elementValue(inner);
    if (isPlainStruct(field)) return structValue;
    if (field.message?.typeName === "google.protobuf.Timestamp") {
      return timeValue(field.message, special?.time || form.time);
    }
    if (field.message !== undefined) return messageValue(field.message);
    if (field.enum !== undefined) return enumValue(field.enum);
    return scalarValue(field.scalar, field.fieldKind !== "map" && field.longAsString);
  }

  function scalarValue(type: ScalarType, longAsString: boolean): ReadValue {
    if (isInteger(type)) {
      const integral = rules.integers === "integral";
      if (!longAsString) return (tree) => parseInteger(numberSource(tree, "an integer"), type, integral);
      return (tree) => String(parseInteger(numberSource(tree, "an integer"), type, integral));
    }
    switch (type) {
      case ScalarType.BOOL:
        return boolValue;
      case ScalarType.STRING:
        return stringValue;
      case ScalarType.BYTES:
        return (tree) => parseBytes(stringValue(tree, ""));
      default:
        return (tree) => {
          const special = typeof tree === "string" && rules.quotedNumbers ? parseNotFinite(tree) : undefined;
          return special ?? parseFloating(numberSource(tree, "a number"), type);
        };
    }
  }

  function decimalValue(tree: JsonTree): string {
    const plain = plainDecimal(numberSource(tree, "a number"));
    if (plain === undefined) throw new ValueError("has too many digits");
    return plain;
  }

  function numberSource(tree: JsonTree, what: string): string {
    if (tree instanceof JsonNumber) return tree.source;
    if (rules.quotedNumbers && typeof tree === "string" && isNumberText(tree)) return tree;
    throw new ValueError(`must be ${what}, not ${typeName(tree)}`);
  }

  function enumValue(desc: DescEnum): ReadValue {
    if (desc.typeName === "google.protobuf.NullValue") return nullValue;
    const words = form.enumWords?.[desc.typeName];
    const byName = new Map(desc.values.map((value) => [words?.[value.number] ?? value.name, value.number]));
    return (tree) => {
      if (tree instanceof JsonNumber) return parseInteger(tree.source, ScalarType.INT32, rules.integers === "integral");
      const value = byName.get(stringValue(tree, ""));
      if (value === undefined) throw new ValueError(`must be one of ${[...byName.keys()].join(", ")}`);
      return value;
    };
  }

  /** A second value for a field under its other name, or for another field of the same oneof. */
  function refuseSecond(bound: BoundField, seen: BoundField[], path: string): void {
    for (const other of seen) {
      if (other === bound) throw violation("body", path, "is given twice");
      if (bound.field.oneof !== undefined && other.field.oneof === bound.field.oneof) {
        throw violation("body", path, `cannot be given together with ${other.field.name}`);
      }
    }
    seen.push(bound);
  }
}

interface BoundField {
  readonly field: DescField;
  readonly read: ReadValue;
  /** null is a value of the field, not its absence. */
  readonly nullable: boolean;
}

function takesNull(field: DescField): boolean {
  return (
    (field.fieldKind === "message" && field.message.typeName === "google.protobuf.Value") ||
    (field.fieldKind === "enum" && field.enum.typeName === "google.protobuf.NullValue")
  );
}

function boolValue(tree: JsonTree): boolean {
  if (typeof tree !== "boolean") throw new ValueError(`must be true or false, not ${typeName(tree)}`);
  return tree;
}

function stringValue(tree: JsonTree, _path: string): string {
  if (typeof tree !== "string") throw new ValueError(`must be a string, not ${typeName(tree)}`);
  // No database of ours keeps it in a text, and PostgreSQL refuses it.
  if (tree.includes("\0")) throw new ValueError("must not hold the character U+0000");
  return tree;
}

function nullValue(tree: JsonTree): number {
  if (tree !== null && tree !== "NULL_VALUE") throw new ValueError("must be null");
  return 0;
}

function structValue(tree: JsonTree): PlainJson {
  if (!(tree instanceof Map)) throw new ValueError(`must be an object, not ${typeName(tree)}`);
  return finite(tree);
}

/** As plain values; a number beyond the doubles would become Infinity, which is no JSON. */
function finite(tree: JsonTree): PlainJson {
  refuseInfinite(tree);
  return treeToValue(tree);
}

function refuseInfinite(tree: JsonTree): void {
  if (tree instanceof JsonNumber) parseFloating(tree.source, ScalarType.DOUBLE);
  else if (tree instanceof Map) for (const value of tree.values()) refuseInfinite(value);
  else if (Array.isArray(tree)) for (const value of tree) refuseInfinite(value);
}

function mapKey(key: string, type: ScalarType): string {
  if (type === ScalarType.STRING) return stringValue(key, "");
  if (type === ScalarType.BOOL) {
    if (key !== "true" && key !== "false") throw new ValueError("the key must be true or false");
    return key;
  }
  return String(parseInteger(key, type, false));
}

/** Go matches names in any letter case; beside a-z only these two letters fold to ASCII ones. */
function foldCase(key: string): string {
  return key.toLowerCase().replaceAll("ſ", "s");
}

/** A name of the caller's in a reply: enough to know it by. */
function short(key: string): string {
  return key.length > 64 ? `${key.slice(0, 64)}...` : key;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** Reads, and gives a ValueError its place. */
function at(read: ReadValue, tree: JsonTree, path: string): unknown {
  try {
    return read(tree, path);
  } catch (error) {
    if (error instanceof ValueError) throw violation("body", path, error.message);
    throw error;
  }
}

function unknownKey(field: string, key: string, known: Iterable<string>): RequestProblem {
  const meant = suggest(key, known);
  const description = meant === undefined ? "there is no such field" : `there is no such field; did you mean ${meant}?`;
  return violation("body", field, description, true);
}
