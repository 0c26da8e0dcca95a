import { create, createRegistry, type DescMessage, type Message, toJsonString } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { anyPack, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { ErrorInfoSchema, file_google_rpc_error_details } from "@ordermesh/proto/google/rpc/error_details_pb";
import { StatusSchema } from "@ordermesh/proto/google/rpc/status_pb";
import { file_grpc_health_v1_health } from "@ordermesh/proto/grpc/health/v1/health_pb";
import { file_ordermesh_order_v1_order } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import {
  file_ordermesh_testing_v1_echo,
  ReadResponseSchema,
  WriteRequestSchema,
} from "@ordermesh/proto/ordermesh/testing/v1/echo_pb";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyMessage } from "../testing/any-message.ts";
import { createJsonEncoder } from "./json-encoder.ts";

const files = [
  file_ordermesh_testing_v1_echo,
  file_ordermesh_order_v1_order,
  file_grpc_health_v1_health,
  file_google_rpc_error_details,
];
const types = files.flatMap((file) =>
  [...nestedTypes(file)].filter((type): type is DescMessage => type.kind === "message"),
);
const registry = createRegistry(...files);

function outcome(write: () => string): string {
  try {
    return write();
  } catch (error) {
    return `threw ${error}`;
  }
}

function expectSame(type: DescMessage, message: Message): void {
  const encode = createJsonEncoder(type, { registry });
  expect(outcome(() => encode(message))).toBe(outcome(() => toJsonString(type, message, { registry })));
}

describe("writes what toJsonString writes", () => {
  test.each(types.map((type) => [type.typeName, type] as const))("%s", (_name, type) => {
    fc.assert(
      fc.property(anyMessage(type), (message) => expectSame(type, message)),
      { numRuns: 40 },
    );
  });

  test("a message in google.protobuf.Any", () => {
    const detail = anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: "R" }));
    expectSame(StatusSchema, create(StatusSchema, { code: 5, details: [detail] }));
  });

  test.each([
    ["of another type", 42],
    ["that is half a surrogate pair", "\ud800"],
    ["with quotes, backslashes and controls", '"\\\u0000\u001f\u007f\u2028'],
  ])("a text %s", (_name, text) => {
    expectSame(ReadResponseSchema, create(ReadResponseSchema, { text: text as string }));
  });

  test.each([Number.NaN, -0, 1.5, 2 ** 40, "7"])("the number %s in a field of integers", (quantity) => {
    expectSame(WriteRequestSchema, create(WriteRequestSchema, { quantity: quantity as number }));
  });

  test("a message of another type", () => {
    expectSame(ReadResponseSchema, create(TimestampSchema, { seconds: 1n }));
  });

  test("a message with unknown fields", () => {
    const message = create(ReadResponseSchema, { text: "x" });
    message.$unknown = [{ no: 9, wireType: 0, data: new Uint8Array([1]) }];
    expectSame(ReadResponseSchema, message);
  });
});

test.each([
  [-62_135_596_801n, 0],
  [253_402_300_800n, 0],
  [0n, -1],
  [0n, 1_000_000_000],
])("the time %s s %s ns is refused as there", (seconds, nanos) => {
  expectSame(TimestampSchema, create(TimestampSchema, { seconds, nanos }));
});
