import { type DescMessage, type JsonValue, type MessageShape, toJson } from "@bufbuild/protobuf";
import { AnySchema, anyPack } from "@bufbuild/protobuf/wkt";
import { stringify } from "yaml";
import { envoyTypes } from "../types.ts";

/** A message as plain data, under the field names of Envoy's documentation. Throws for an `Any` of an unknown type. */
export function plainConfig<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): JsonValue {
  return typeFirst(toJson(schema, message, { registry: envoyTypes, useProtoFieldName: true }));
}

/** "@type" before the fields it explains. */
function typeFirst(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(typeFirst);
  if (typeof value !== "object" || value === null) return value;
  const { "@type": typeUrl, ...fields } = value;
  const rest = Object.entries(fields).map(([key, field]) => [key, typeFirst(field)]);
  return Object.fromEntries(typeUrl === undefined ? rest : [["@type", typeUrl], ...rest]);
}

/** A message as JSON text. */
export function renderJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): string {
  return `${JSON.stringify(plainConfig(schema, message), undefined, 2)}\n`;
}

/** A message as YAML text. */
export function renderYaml<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): string {
  return yamlText(plainConfig(schema, message));
}

/** One resource that says what it is ("@type"), as YAML text: what `readConfig` reads without being told. */
export function renderResource<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): string {
  return yamlText(plainConfig(AnySchema, anyPack(schema, message)));
}

/** `yes`, `on` and the like in quotes: Envoy's reader takes them for booleans, as YAML 1.1 did. Long lines stay whole. */
export function yamlText(value: JsonValue): string {
  return stringify(value, { compat: "yaml-1.1", lineWidth: 0, aliasDuplicateObjects: false });
}
