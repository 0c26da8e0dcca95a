import { type DescField, type DescMessage, getOption, hasOption, type MessageShape } from "@bufbuild/protobuf";
import { isReflectList, isReflectMessage, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type Any, AnySchema, anyUnpack, FeatureSet_FieldPresence, isWrapper } from "@bufbuild/protobuf/wkt";
import {
  disabled,
  type FieldRules,
  FieldRulesSchema,
  required,
  rules as ruleOption,
} from "../gen/validate/validate_pb.js";
import { envoyTypes, typeNameOf } from "../types.ts";
import type { Path } from "./path.ts";
import type { Problem } from "./problem.ts";
import { rules } from "./rules.ts";

/** Checks a message against the rules that Envoy's own protos state, at all depths, within `Any` too. */
export function checkRules<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): readonly Problem[] {
  const problems: Problem[] = [];
  checkMessage(reflect(schema, message, false), [], problems);
  return problems;
}

function checkMessage(message: ReflectMessage, path: Path, problems: Problem[]): void {
  const { desc } = message;
  if (desc.typeName === AnySchema.typeName) {
    checkAny(message.message as Any, path, problems);
    return;
  }
  const isExempt = getOption(desc, disabled);
  for (const oneof of desc.oneofs) {
    if (isExempt || !getOption(oneof, required) || message.oneofCase(oneof) !== undefined) continue;
    add(problems, path, `needs one of ${oneof.fields.map(({ name }) => name).join(", ")}`);
  }
  for (const field of desc.fields) {
    const fieldRules = isExempt || !hasOption(field, ruleOption) ? undefined : getOption(field, ruleOption);
    checkField(message, field, fieldRules, [...path, field.name], problems);
  }
}

function checkField(
  message: ReflectMessage,
  field: DescField,
  fieldRules: FieldRules | undefined,
  path: Path,
  problems: Problem[],
): void {
  // Of a oneof only the member that is there is meant.
  if (isRequired(fieldRules) && !message.isSet(field) && field.oneof === undefined) {
    add(problems, path, "is required");
    return;
  }
  // Without a value there is nothing to check: a message, a wrapper, a member of a oneof that is not there.
  if (field.presence !== FeatureSet_FieldPresence.IMPLICIT && !message.isSet(field)) return;
  const type = fieldRules?.type;
  switch (field.fieldKind) {
    case "list": {
      const values = [...message.get(field)];
      checkValue(values.map(plain), field, fieldRules, path, problems);
      const items = type?.case === "repeated" ? type.value.items : undefined;
      for (const [index, value] of values.entries()) checkEntry(value, field, items, [...path, index], problems);
      return;
    }
    case "map": {
      const entries = [...message.get(field)];
      checkValue(Object.fromEntries(entries), field, fieldRules, path, problems);
      const { keys, values } = type?.case === "map" ? type.value : {};
      for (const [key, value] of entries) {
        checkValue(key, field, keys, [...path, String(key)], problems);
        checkEntry(value, field, values, [...path, String(key)], problems);
      }
      return;
    }
    default:
      checkEntry(message.get(field), field, fieldRules, path, problems);
  }
}

/** One value, and what is in it. */
function checkEntry(
  value: unknown,
  field: DescField,
  fieldRules: FieldRules | undefined,
  path: Path,
  problems: Problem[],
): void {
  checkValue(plain(value), field, fieldRules, path, problems);
  if (isReflectMessage(value) && fieldRules?.message?.skip !== true) checkMessage(value, path, problems);
}

/** Applies every rule that is set. */
function checkValue(
  value: unknown,
  field: DescField,
  fieldRules: FieldRules | undefined,
  path: Path,
  problems: Problem[],
): void {
  if (fieldRules?.type.case === undefined) return;
  const desc = FieldRulesSchema.field[fieldRules.type.case].message;
  if (desc === undefined) return;
  const set = reflect(desc, fieldRules.type.value, false);
  const bounds = new Map(desc.fields.filter((rule) => set.isSet(rule)).map((rule) => [rule.name, set.get(rule)]));
  if (bounds.get("ignore_empty") === true && isEmpty(value)) return;
  if (bounds.get("defined_only") === true && field.enum?.value[Number(value)] === undefined) {
    const names = field.enum?.values.map(({ name }) => name) ?? [];
    add(problems, path, `must be one of ${names.join(", ")}, not ${value}`);
  }
  const context = { strict: bounds.get("strict") !== false };
  for (const [name, bound] of bounds) {
    const problem = rules[name]?.(value, plain(bound), context);
    if (problem !== undefined) add(problems, path, problem);
  }
}

function checkAny(any: Any, path: Path, problems: Problem[]): void {
  const schema = envoyTypes.getMessage(typeNameOf(any.typeUrl));
  const message = schema && anyUnpack(any, schema);
  if (schema !== undefined && message !== undefined) checkMessage(reflect(schema, message, false), path, problems);
}

/** A message is required by a rule for messages, or by one of the rules for a type that is a message. */
function isRequired(fieldRules: FieldRules | undefined): boolean {
  const type = fieldRules?.type;
  const ofType =
    type?.case === "duration" || type?.case === "timestamp" || type?.case === "any" ? type.value : undefined;
  return fieldRules?.message?.required === true || ofType?.required === true;
}

/** What a rule looks at: a list's values, what a wrapper holds, the type of an `Any`. */
function plain(value: unknown): unknown {
  if (isReflectList(value)) return [...value].map(plain);
  if (!isReflectMessage(value)) return value;
  const { message } = value;
  if (isWrapper(message)) return message.value;
  return value.desc.typeName === AnySchema.typeName ? (message as Any).typeUrl : message;
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value) || typeof value === "string" || value instanceof Uint8Array) return value.length === 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === 0 || value === 0n || value === false;
}

function add(problems: Problem[], path: Path, message: string): void {
  problems.push({ severity: "error", path, message });
}
