import { create, type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { Int64ValueSchema, TimestampSchema, TypeSchema } from "@bufbuild/protobuf/wkt";
import { file_google_rpc_error_details } from "@ordermesh/proto/google/rpc/error_details_pb";
import { file_grpc_health_v1_health } from "@ordermesh/proto/grpc/health/v1/health_pb";
import { file_ordermesh_order_v1_order, ListOrdersResponseSchema } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import {
  file_ordermesh_testing_v1_echo,
  ReadResponseSchema,
  WriteRequestSchema,
} from "@ordermesh/proto/ordermesh/testing/v1/echo_pb";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyMessage } from "../testing/any-message.ts";
import { createBinaryEncoder } from "./binary-encoder.ts";

const files = [
  file_ordermesh_testing_v1_echo,
  file_ordermesh_order_v1_order,
  file_grpc_health_v1_health,
  file_google_rpc_error_details,
];
const types = files.flatMap((file) => [...nestedTypes(file)].filter((type) => type.kind === "message"));

function outcome(write: () => Uint8Array): string {
  try {
    return Buffer.from(write()).toString("hex");
  } catch (error) {
    return `threw ${error}`;
  }
}

function expectSame(type: DescMessage, message: Message): void {
  const encode = createBinaryEncoder(type);
  expect(outcome(() => encode(message))).toBe(outcome(() => toBinary(type, message)));
}

describe("writes what toBinary writes", () => {
  test.each([...types, TypeSchema, Int64ValueSchema].map((type) => [type.typeName, type] as const))("%s", (_, type) => {
    fc.assert(
      fc.property(anyMessage(type), (message) => expectSame(type, message)),
      { numRuns: 40 },
    );
  });

  test.each([
    ["of another type", 42],
    ["that is half a surrogate pair", "\ud800"],
    ["of 127 letters", "x".repeat(127)],
    ["of 128 letters", "x".repeat(128)],
    ["of 127 letters that are no ASCII", "ü".repeat(127)],
    ["of nearly all the room", "x".repeat(65_532)],
    ["of more than the room", "x".repeat(65_533)],
    ["of far more than the room", "ü".repeat(200_000)],
  ])("a text %s", (_name, text) => {
    expectSame(ReadResponseSchema, create(ReadResponseSchema, { text: text as string }));
  });

  test.each([Number.NaN, -0, -1, 1.5, 2 ** 31, 2 ** 40, "7"])("the number %s in a field of integers", (quantity) => {
    expectSame(WriteRequestSchema, create(WriteRequestSchema, { quantity: quantity as number }));
  });

  test.each([0n, -1n, 127n, 128n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n])(
    "the 64-bit number %s",
    (seconds) => expectSame(TimestampSchema, create(TimestampSchema, { seconds })),
  );

  test.each([1, 100, 1_000, 10_000])("a list of %s messages", (length) => {
    const orders = Array.from({ length }, (_, i) => ({
      orderId: `ord_${i}`,
      number: BigInt(i),
      lines: [{ quantity: 1n }],
    }));
    expectSame(ListOrdersResponseSchema, create(ListOrdersResponseSchema, { orders }));
  });

  test("a message with unknown fields", () => {
    const message = create(ReadResponseSchema, { text: "x" });
    message.$unknown = [{ no: 9, wireType: 0, data: new Uint8Array([1]) }];
    expectSame(ReadResponseSchema, message);
  });
});

test("a message keeps its bytes when the next is written", () => {
  const encode = createBinaryEncoder(ReadResponseSchema);
  const first = encode(create(ReadResponseSchema, { text: "first" }));
  encode(create(ReadResponseSchema, { text: "other" }));
  expect(Buffer.from(first).toString()).toContain("first");
});
