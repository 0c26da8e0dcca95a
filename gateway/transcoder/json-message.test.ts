import { create, createRegistry, fromJson, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { TimeFormat } from "@ordermesh/proto/ordermesh/rest/v1/options_pb";
import {
  BookSchema,
  Genre,
  ItemSchema,
  type Values,
  ValuesSchema,
} from "@ordermesh/proto/ordermesh/testing/v1/library_pb";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Dialect, type JsonBindRules, type JsonWriteRules, proto3Json } from "./dialect.ts";
import { createJsonBinder } from "./json-binder.ts";
import { readJson } from "./json-reader.ts";
import { createJsonWriter } from "./json-writer.ts";
import { RequestProblem } from "./problem.ts";

const registry = createRegistry(BookSchema);
const legacy: Dialect = {
  ...proto3Json,
  write: { ...proto3Json.write, names: "proto", int64: "number", enums: "number", time: TimeFormat.RFC3339_TRIMMED },
  read: {
    ...proto3Json.read,
    duplicateKeys: "last-wins",
    unknownKeys: "ignore",
    keyCase: "insensitive",
    bothNames: false,
    quotedNumbers: false,
    integers: "digits",
  },
};

function write(message: Message, change: Partial<JsonWriteRules> = {}, dialect = proto3Json): string {
  const schema = [ValuesSchema, ItemSchema, BookSchema].find((one) => one.typeName === message.$typeName);
  if (schema === undefined) throw new Error(message.$typeName);
  return createJsonWriter({ ...dialect.write, ...change }, registry).message(schema)(message);
}

function read(text: string, dialect = proto3Json, change: Partial<JsonBindRules> = {}): Values {
  const rules = { ...dialect.read, ...change };
  const tree = readJson(Buffer.from(text), rules);
  return createJsonBinder(rules, dialect.write, registry).message(ValuesSchema)(tree) as Values;
}

function violation(text: string, dialect = proto3Json): { field: string; description: string } {
  try {
    read(text, dialect);
  } catch (error) {
    if (error instanceof RequestProblem && error.problem.kind === "field") return error.problem.violation;
    throw error;
  }
  throw new Error("it was read");
}

const rich = create(ValuesSchema, {
  doubleValue: 1.5,
  int64Value: 9223372036854775807n,
  uint64Value: 18446744073709551615n,
  boolValue: true,
  text: 'quo"te 你 \u2028',
  data: Uint8Array.of(255, 0, 1),
  genre: Genre.POETRY,
  maybeNumber: 0,
  numbers: [1, -2],
  children: [{ text: "child" }],
  labels: { a: "1", ["__proto__"]: "own" },
  genresById: { "7": Genre.NOVEL },
  choice: { case: "choiceNumber", value: 5n },
  time: { seconds: 1904119200n, nanos: 120_000_000 },
  duration: { seconds: 3n, nanos: 500_000_000 },
  mask: { paths: ["text", "maybe_number"] },
  textWrapper: "",
  numberWrapper: 7n,
  boolWrapper: false,
  struct: { a: [1, null, { b: "x" }] },
  value: { kind: { case: "nullValue", value: 0 } },
  any: anyPack(BookSchema, create(BookSchema, { title: "inside" })),
  times: [{ seconds: 0n, nanos: 0 }],
  longAsText: "9007199254740993",
  list: { values: [{ kind: { case: "boolValue", value: true } }] },
});

describe("JSON writer", () => {
  test("writes proto3 JSON as protobuf-es does", () => {
    expect(JSON.parse(write(rich))).toEqual(toJson(ValuesSchema, rich, { registry, alwaysEmitImplicit: true }));
    expect(JSON.parse(write(rich, { zeroValues: "omit" }))).toEqual(toJson(ValuesSchema, rich, { registry }));
  });

  test("keys come in field number order", () => {
    const item = create(ItemSchema, { id: 1n, displayName: "a", tags: ["x"] });
    expect(Object.keys(JSON.parse(write(item)))).toEqual([
      "id",
      "displayName",
      "price",
      "deletedAt",
      "pageSize",
      "tags",
      "genre",
    ]);
  });

  test("64-bit integers beyond 2^53 keep every digit as bare numbers", () => {
    expect(write(create(ItemSchema, { id: 9007199254740993n }), { int64: "number", zeroValues: "omit" })).toBe(
      '{"id":9007199254740993,"deletedAt":null}',
    );
  });

  test("decimals are bare numbers in their shortest form, or always with a fraction", () => {
    const item = create(ItemSchema, { price: "12.50" });
    expect(write(item)).toContain('"price":12.5,');
    expect(write(create(ItemSchema, { price: "50.00" }), { decimals: "fraction" })).toContain('"price":50.0,');
    expect(write(create(ItemSchema))).toContain('"price":0,');
  });

  test("a text that is no decimal is a bug, not a reply", () => {
    expect(() => write(create(ItemSchema, { price: "12,50" }))).toThrow(TypeError);
  });

  test("times follow the dialect, and the field where it says otherwise", () => {
    const time = { seconds: 1904119200n, nanos: 123_900_000 };
    const text = write(create(ItemSchema, { createdAt: time, day: time }), { time: TimeFormat.NAIVE });
    expect(text).toContain('"createdAt":"2030-05-04T10:00:00.123900"');
    expect(text).toContain('"day":"2030-05-04"');
  });

  test("unset: left out, or null where dialect or field says so, omit_empty last", () => {
    expect(JSON.parse(write(create(ItemSchema)))).not.toHaveProperty("createdAt");
    expect(JSON.parse(write(create(ItemSchema)))).toMatchObject({ deletedAt: null });
    const values = JSON.parse(write(create(ValuesSchema), { unset: "null" }));
    expect(values).toMatchObject({ maybeNumber: null, maybeText: null, time: null, textWrapper: null });
    expect(values).not.toHaveProperty("choiceText");
    expect(JSON.parse(write(create(ItemSchema), { unset: "null" }))).not.toHaveProperty("note");
    expect(JSON.parse(write(create(ItemSchema, { note: "0" })))).toMatchObject({ note: "0" });
  });

  test("an optional field that is set to zero is written", () => {
    expect(write(create(ValuesSchema, { maybeNumber: 0 }), { zeroValues: "omit" })).toBe('{"maybeNumber":0}');
  });

  test("enums: name, number, or the surface's words; an unknown number stays a number", () => {
    const item = create(ItemSchema, { genre: Genre.NOVEL });
    const enumWords = { "ordermesh.testing.v1.Genre": { 1: "roman" } };
    expect(write(item)).toContain('"genre":"GENRE_NOVEL"');
    expect(write(item, { enums: "number" })).toContain('"genre":1');
    expect(write(item, { enumWords })).toContain('"genre":"roman"');
    expect(write(create(ItemSchema, { genre: 99 as Genre }))).toContain('"genre":99');
  });

  test("one field may be left out, and one field may be all", () => {
    const writer = createJsonWriter({ ...legacy.write, zeroValues: "omit" });
    expect(writer.message(BookSchema, BookSchema.field.title)(create(BookSchema, { title: "a", pages: 3n }))).toBe(
      '{"pages":3}',
    );
    expect(writer.field(BookSchema.field.authors)(create(BookSchema, { authors: ["a"] }))).toBe('["a"]');
    expect(writer.field(BookSchema.field.publishedAt)(create(BookSchema))).toBe("{}");
  });
});

describe("JSON binder", () => {
  test("reads proto3 JSON as protobuf-es does", () => {
    const json = toJson(ValuesSchema, rich, { registry, alwaysEmitImplicit: true });
    expect(read(JSON.stringify(json))).toEqual(fromJson(ValuesSchema, json, { registry }));
  });

  test("takes proto names, JSON names, and null for unset", () => {
    expect(read('{"int32_value":1,"int64Value":"2","text":null,"numbers":null,"time":null}')).toEqual(
      create(ValuesSchema, { int32Value: 1, int64Value: 2n }),
    );
    expect(read('{"value":null}').value).toMatchObject({ kind: { case: "nullValue" } });
  });

  test.each([
    ['{"int32Value":1.0}', { int32Value: 1 }],
    ['{"int32Value":"1e2"}', { int32Value: 100 }],
    ['{"int32Value":-0}', { int32Value: 0 }],
    ['{"int64Value":9223372036854775807}', { int64Value: 9223372036854775807n }],
    ['{"uint64Value":18446744073709551615.0}', { uint64Value: 18446744073709551615n }],
    ['{"doubleValue":"-Infinity"}', { doubleValue: Number.NEGATIVE_INFINITY }],
    ['{"doubleValue":1e-400}', { doubleValue: 0 }],
    ['{"genre":"GENRE_NOVEL"}', { genre: Genre.NOVEL }],
    ['{"genre":2}', { genre: Genre.POETRY }],
    ['{"data":"_-8"}', { data: Uint8Array.of(255, 239) }],
    ['{"data":"/+8="}', { data: Uint8Array.of(255, 239) }],
    ['{"labels":{"__proto__":"own"}}', { labels: { ["__proto__"]: "own" } }],
    ['{"longAsText":"7"}', { longAsText: "7" }],
  ])("reads %s", (text, expected) => {
    expect(read(text)).toEqual(create(ValuesSchema, expected));
  });

  test.each([
    ["null", "", "must be an object, not null"],
    ["[]", "", "must be an object, not an array"],
    ['{"int32Value":1.5}', "int32_value", "must be an integer"],
    ['{"int32Value":2147483648}', "int32_value", "must be -2147483648 to 2147483647"],
    ['{"int64Value":9223372036854775808}', "int64_value", "must be -9223372036854775808 to 9223372036854775807"],
    ['{"int64Value":1e19}', "int64_value", "must be -9223372036854775808 to 9223372036854775807"],
    ['{"int64Value":1e999999999}', "int64_value", "must be an integer"],
    ['{"uint32Value":-1}', "uint32_value", "must be 0 to 4294967295"],
    ['{"int32Value":" 1"}', "int32_value", "must be an integer, not a string"],
    ['{"int32Value":true}', "int32_value", "must be an integer, not a boolean"],
    ['{"doubleValue":1e400}', "double_value", "is out of range"],
    ['{"doubleValue":"__proto__"}', "double_value", "must be a number, not a string"],
    ['{"floatValue":1e39}', "float_value", "is out of range"],
    ['{"boolValue":"true"}', "bool_value", "must be true or false, not a string"],
    ['{"text":5}', "text", "must be a string, not a number"],
    ['{"text":"a\\u0000"}', "text", "must not hold the character U+0000"],
    ['{"data":"a"}', "data", "must be base64"],
    ['{"data":"ab="}', "data", "must be base64"],
    ['{"data":"a+b_"}', "data", "must be base64"],
    ['{"genre":"NOVEL"}', "genre", "must be one of GENRE_UNSPECIFIED, GENRE_NOVEL, GENRE_POETRY"],
    ['{"numbers":[1,null]}', "numbers[1]", "must be an integer, not null"],
    ['{"numbers":{}}', "numbers", "must be an array, not an object"],
    ['{"children":[{"children":[{"text":1}]}]}', "children[0].children[0].text", "must be a string, not a number"],
    ['{"labels":{"a":1}}', 'labels["a"]', "must be a string, not a number"],
    ['{"genresById":{"x":1}}', 'genres_by_id["x"]', "must be an integer"],
    ['{"time":"2030-05-04"}', "time", "must be a time such as 2030-05-04T10:00:00Z"],
    ['{"duration":"3"}', "duration", "must be a google.protobuf.Duration"],
    ['{"struct":{"a":1e999}}', "struct", "is out of range"],
    ['{"any":{"@type":"type.googleapis.com/no.Such"}}', "any", "must be a google.protobuf.Any"],
    ['{"int32_value":1,"int32Value":1}', "int32_value", "is given twice"],
    ['{"choiceText":"a","choiceNumber":1}', "choice_number", "cannot be given together with choice_text"],
    ['{"txet":"a"}', "txet", "there is no such field; did you mean text?"],
    ['{"children":[{"nothingLike":1}]}', "children[0].nothingLike", "there is no such field"],
  ])("refuses %s", (text, field, description) => {
    expect(violation(text)).toEqual({ field, description });
  });

  test("a megabyte of digits is refused without converting it", () => {
    expect(violation(`{"int64Value":${"9".repeat(1_000_000)}}`).description).toContain("must be");
  });

  test("a megabyte of padding is refused at once", () => {
    expect(violation(`{"data":"${"=".repeat(1_000_000)}x"}`).description).toBe("must be base64");
  });

  test("a long name of the caller's is cut in the reply", () => {
    expect(violation(`{"${"x".repeat(1000)}":1}`).field).toBe(`${"x".repeat(64)}...`);
  });

  test("a legacy dialect ignores unknown names, matches any letter case, and the last duplicate wins", () => {
    expect(read('{"TEXT":"a","nothing":{"at":["all"]},"Int32_Value":1,"text":"b"}', legacy)).toEqual(
      create(ValuesSchema, { text: "b", int32Value: 1 }),
    );
    expect(read('{"int32Value":1,"choice_text":"a","choice_number":2}', legacy)).toEqual(
      create(ValuesSchema, { choice: { case: "choiceNumber", value: 2n } }),
    );
  });

  test("the two letters beyond ASCII that Go folds match, too", () => {
    expect(read('{"MA\u017f\u212a":"text"}', legacy).mask).toEqual({
      $typeName: "google.protobuf.FieldMask",
      paths: ["text"],
    });
  });

  test.each([
    ['{"int64_value":"5"}', "int64_value", "must be an integer, not a string"],
    ['{"int64_value":1.0}', "int64_value", "must be an integer"],
    ['{"int64_value":1e2}', "int64_value", "must be an integer"],
  ])("a dialect that reads as Go refuses %s", (text, field, description) => {
    expect(violation(text, legacy)).toEqual({ field, description });
  });

  test("decimals keep their digits, as a number or, where the dialect takes it, quoted", () => {
    const bind = (text: string, rules: JsonBindRules) =>
      createJsonBinder(rules, proto3Json.write).message(ItemSchema)(readJson(Buffer.from(text), rules));
    expect(bind('{"price":12345678901234567890.10}', proto3Json.read)).toMatchObject({
      price: "12345678901234567890.1",
    });
    expect(bind('{"price":"12.50"}', proto3Json.read)).toMatchObject({ price: "12.5" });
    expect(() => bind('{"price":"12.50"}', legacy.read)).toThrow(RequestProblem);
  });

  test("never pollutes a prototype", () => {
    for (const dialect of [proto3Json, legacy]) {
      try {
        read('{"struct":{"__proto__":{"polluted":1}},"labels":{"__proto__":"x"},"__proto__":{"polluted":1}}', dialect);
      } catch (error) {
        expect(error).toBeInstanceOf(RequestProblem);
      }
      expect(({} as { polluted?: number }).polluted).toBeUndefined();
    }
  });

  test("reads back whatever was written, to the same bytes", () => {
    const records = fc.record({
      text: fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0")),
      int64Value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      uint64Value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      doubleValue: fc.double(),
      data: fc.uint8Array(),
      genre: fc.integer({ min: 0, max: 5 }),
      numbers: fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
      maybeNumber: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }),
      labels: fc.dictionary(fc.constantFrom("a", "1", "__proto__", "toString"), fc.constantFrom("", "x")),
    });
    fc.assert(
      fc.property(records, records, fc.constantFrom(proto3Json, legacy), (record, child, dialect) => {
        const message = create(ValuesSchema, { ...record, children: [child] });
        const finite = dialect === proto3Json || [record, child].every((one) => Number.isFinite(one.doubleValue));
        fc.pre(finite);
        const back = read(write(message, {}, dialect), dialect);
        expect(toBinary(ValuesSchema, back)).toEqual(toBinary(ValuesSchema, message));
      }),
    );
  });
});
