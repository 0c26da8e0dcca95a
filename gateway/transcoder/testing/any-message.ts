import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import fc from "fast-check";
import { type AnyMessage, fieldJson, isPlainStruct, setField, unwrapped } from "../field.ts";

/** Any message of a type: every field set or not, to values from its zero to its extremes. */
export function anyMessage(schema: DescMessage, depth = 0): fc.Arbitrary<Message> {
  if (schema.typeName === "google.protobuf.Timestamp") return anyTime(schema);
  if (schema.typeName === "google.protobuf.Value") {
    // An empty one cannot be written.
    return fc.boolean().map((value) => create(schema, { kind: { case: "boolValue", value } } as never));
  }
  if (schema.file.name.startsWith("google/protobuf/")) return fc.constant(create(schema));
  const fields = schema.fields.filter((field) => field.message === undefined || depth < 2);
  return fc.tuple(...fields.map((field) => fc.option(anyValue(field, depth)))).map((values) => {
    const message = create(schema);
    for (const [index, field] of fields.entries()) {
      const value = values[index];
      if (value !== null) setField(message as unknown as AnyMessage, field, value);
    }
    return message;
  });
}

function anyTime(schema: DescMessage): fc.Arbitrary<Message> {
  const seconds = fc.bigInt({ min: -62_135_596_800n, max: 253_402_300_799n });
  const nanos = fc.oneof(fc.constantFrom(0, 120_000_000, 1000), fc.integer({ min: 0, max: 999_999_999 }));
  return fc.record({ seconds, nanos }).map((instant) => create(schema, instant as never));
}

function anyValue(field: DescField, depth: number): fc.Arbitrary<unknown> {
  switch (field.fieldKind) {
    case "list":
      return fc.array(anyElement(field, depth), { maxLength: 2 });
    case "map":
      return fc.dictionary(anyMapKey(field.mapKey), anyElement(field, depth), { maxKeys: 2 });
    default:
      return anyElement(field, depth);
  }
}

function anyMapKey(type: ScalarType): fc.Arbitrary<string> {
  if (type === ScalarType.STRING) return fc.string();
  return type === ScalarType.BOOL ? fc.constantFrom("true", "false") : fc.nat().map(String);
}

function anyElement(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const inner = field.fieldKind === "message" ? unwrapped(field) : undefined;
  if (inner !== undefined) return anyElement(inner, depth);
  if (isPlainStruct(field)) return fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.boolean(), fc.nat()));
  if (fieldJson(field)?.decimal === true)
    return fc.constantFrom("", "0", "0.00", "12.50", "-3", "123456789012345678901.5");
  if (field.message !== undefined) return anyMessage(field.message, depth + 1);
  if (field.enum !== undefined) return fc.constantFrom(...field.enum.values.map(({ number }) => number), 9999);
  return anyScalar(field.scalar ?? ScalarType.STRING, field.fieldKind !== "map" && field.longAsString);
}

function anyScalar(type: ScalarType, longAsString: boolean): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return fc.string({ unit: fc.constantFrom(...'a<&"\\\n\0é林\u2028\ufffd', "😀", "\ud800") });
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 9 });
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return fc.double();
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
    case ScalarType.UINT64:
    case ScalarType.FIXED64: {
      const long = fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }));
      return longAsString ? long.map(String) : long;
    }
    default:
      return fc.oneof(fc.constant(0), fc.nat());
  }
}
