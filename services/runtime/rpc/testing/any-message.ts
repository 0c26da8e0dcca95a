import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import fc from "fast-check";

/** Any message of a type, nested ones up to a depth; google.protobuf types are made by hand where their values have rules. */
export function anyMessage(type: DescMessage, depth = 3): fc.Arbitrary<Message> {
  return anyInit(type, depth).map((init) => create(type, init));
}

function anyInit(type: DescMessage, depth: number): fc.Arbitrary<Record<string, unknown>> {
  if (type.typeName === "google.protobuf.Timestamp") {
    return fc.record({
      seconds: fc.bigInt(-62_135_596_800n, 253_402_300_799n),
      nanos: fc.oneof(
        fc.nat(999).map((ms) => ms * 1_000_000),
        fc.nat(999_999).map((us) => us * 1000),
        fc.nat(999_999_999),
      ),
    });
  }
  if (type.typeName === "google.protobuf.Duration")
    return fc.record({ seconds: fc.bigInt(0n, 1000n), nanos: fc.nat(999_999_999) });
  const members: Record<string, fc.Arbitrary<unknown>> = {};
  for (const member of type.members) {
    if (member.kind === "oneof") {
      const cases = member.fields.filter((field) => depth > 0 || field.message === undefined);
      members[member.localName] = fc.oneof(
        fc.constant({ case: undefined }),
        ...cases.map((field) => fc.record({ case: fc.constant(field.localName), value: anyValue(field, depth) })),
      );
    } else if (depth > 0 || member.message === undefined) members[member.localName] = anyField(member, depth);
  }
  return fc.record(members, { requiredKeys: [] });
}

function anyField(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.fieldKind === "list") return fc.array(anyValue(field, depth), { maxLength: 3 });
  if (field.fieldKind === "map")
    return fc.dictionary(fc.oneof(fc.nat(99).map(String)), anyValue(field, depth), { maxKeys: 3 });
  return anyValue(field, depth);
}

function anyValue(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.message?.typeName === "google.protobuf.Struct")
    return fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
  if (field.message !== undefined) return anyInit(field.message, depth - 1);
  if (field.enum !== undefined)
    return fc.oneof(fc.constantFrom(...field.enum.values.map(({ number }) => number)), fc.nat(9999));
  switch (field.scalar) {
    case ScalarType.STRING:
      return fc.string({ unit: "binary" }).map((text) => text.toWellFormed());
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 20 });
    case ScalarType.DOUBLE:
      return fc.double();
    case ScalarType.FLOAT:
      return fc.float();
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return fc.bigInt(0n, 2n ** 64n - 1n);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return fc.nat(2 ** 32 - 1);
    default:
      return fc.integer();
  }
}
