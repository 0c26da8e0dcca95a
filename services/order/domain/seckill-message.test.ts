import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { SeckillOrderCreateSchema } from "@ordermesh/proto/ordermesh/events/v1/seckill_pb";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type MessageReading, readSeckillMessage } from "./seckill-message.ts";

const storedAt = Date.UTC(2030, 4, 4, 10);
const good = {
  order_id: "SK30017000042",
  product_id: 3001,
  user_id: 7000,
  quantity: 2,
  price: 1.25,
  create_time: "2030-05-04T09:59:00.5Z",
  message_type: "seckill_order",
  trace_id: "trace_42",
};
const readme = {
  product_id: 3001,
  user_id: 7000,
  quantity: 2,
  unit_price: 1.25,
  seckill_id: 9,
  timestamp: "2030-05-04T09:59:00Z",
};

function read(body: unknown, headers: Record<string, string> = {}): MessageReading {
  const data = body instanceof Uint8Array ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  return readSeckillMessage({ data, headers, storedAt }, "CNY");
}

function intakeOf(body: unknown) {
  const reading = read(body);
  if (reading.kind !== "order") throw new Error(JSON.stringify(reading));
  return reading.intake;
}

/** The message with one field's JSON text replaced. */
function withRaw(field: string, raw: string, base: object = good): string {
  return JSON.stringify({ ...base, [field]: "@@" }).replace('"@@"', raw);
}

describe("minishop 2.2 bodies", () => {
  test("the code's shape", () => {
    expect(intakeOf(good)).toEqual({
      purchase: undefined,
      externalId: "SK30017000042",
      activityId: "",
      productId: "3001",
      productName: "",
      buyerId: "7000",
      quantity: 2n,
      unitPrice: "1.25",
      currency: "CNY",
      totalMinor: 250n,
      traceId: "trace_42",
      sentAt: Date.UTC(2030, 4, 4, 9, 59, 0, 500),
    });
  });

  test("minishop 8.1 the documentation's shape, with an order id that the bytes decide", () => {
    const intake = intakeOf(readme);
    expect(intake).toMatchObject({
      activityId: "9",
      unitPrice: "1.25",
      totalMinor: 250n,
      sentAt: Date.UTC(2030, 4, 4, 9, 59),
    });
    expect(intake.externalId).toMatch(/^SK[0-9a-f]{48}$/);
    expect(intakeOf(readme).externalId).toBe(intake.externalId);
    expect(intakeOf({ ...readme, quantity: 3 }).externalId).not.toBe(intake.externalId);
  });

  test("minishop 9.7 keys in any letter case, create_time absent", () => {
    const { create_time: _, ...rest } = good;
    const upper = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key.toUpperCase(), value]));
    expect(intakeOf(upper)).toMatchObject({ externalId: good.order_id, sentAt: storedAt });
  });

  test("minishop 9.7 a price with more than two decimals stays exact and the total is rounded half up once", () => {
    expect(intakeOf(withRaw("price", "5.555", { ...good, quantity: 1 }))).toMatchObject({
      unitPrice: "5.555",
      totalMinor: 556n,
    });
    expect(intakeOf(withRaw("price", "5.555", { ...good, quantity: 2 }))).toMatchObject({ totalMinor: 1111n });
    expect(intakeOf(withRaw("price", "0.1", { ...good, quantity: 3 }))).toMatchObject({ totalMinor: 30n });
    expect(intakeOf(withRaw("price", "1.5e1"))).toMatchObject({ unitPrice: "15", totalMinor: 3000n });
  });

  test("minishop W24 ids beyond 2^53 are exact", () => {
    expect(intakeOf(withRaw("user_id", "9223372036854775807")).buyerId).toBe("9223372036854775807");
  });

  test.each(["stock_update", "user_notify"])("minishop 2.3 %s has no effect", (message_type) => {
    expect(read({ message_type, product_id: "any" })).toEqual({ kind: "notice" });
  });
});

describe("minishop 2.3 refusals without a failed order", () => {
  test.each([
    ["no JSON", "no JSON"],
    ["empty", ""],
    ["not UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ["NaN", withRaw("price", "NaN")],
    ["nested too deeply", "[".repeat(400_000) + "]".repeat(400_000)],
    ["an array", "[]"],
    ["a number", "1"],
    ["an unknown message_type", { ...good, message_type: "banana" }],
    ["no message_type", { ...good, message_type: undefined }],
    ["a number as message_type", { ...good, message_type: 1 }],
    ["a number in quotes", { ...good, quantity: "2" }],
    ["a fraction as an integer", withRaw("quantity", "1.5")],
    ["an integer beyond int64", withRaw("user_id", "9223372036854775808")],
    ["a number as order_id", { ...good, order_id: 1 }],
    ["a price in quotes", { ...good, price: "1.25" }],
    ["an object as price", { ...good, price: {} }],
    ["a create_time that is none", { ...good, create_time: "yesterday" }],
    ["an object under __proto__", '{"__proto__":{"message_type":"seckill_order","order_id":"x"}}'],
  ])("%s", (_, body) => {
    const reading = read(body);
    expect(reading.kind).toBe("refused");
    expect(reading).not.toHaveProperty("failure");
  });
});

describe("minishop 2.3 refusals with a failed order", () => {
  test.each([
    ["VALIDATION", "an empty order_id", { ...good, order_id: "" }],
    ["VALIDATION", "no order_id", { ...good, order_id: undefined }],
    ["VALIDATION", "quantity 0", { ...good, quantity: 0 }],
    ["VALIDATION", "no quantity", { ...good, quantity: undefined }],
    ["VALIDATION", "a negative product_id", { ...good, product_id: -1 }],
    ["VALIDATION", "no user_id", { ...good, user_id: null }],
    ["VALIDATION", "a negative price", { ...good, price: -0.01 }],
    ["VALIDATION", "no price", { ...good, price: undefined }],
    ["CONSTRAINT", "a total beyond numeric(10,2)", { ...good, price: 50_000_000, quantity: 2 }],
    ["CONSTRAINT", "a huge price", withRaw("price", "1e400")],
    ["CONSTRAINT", "a price of endless digits", withRaw("price", `0.${"1".repeat(300)}`)],
    ["CONSTRAINT", "a long order_id", { ...good, order_id: "x".repeat(65) }],
    ["CONSTRAINT", "NUL in order_id", { ...good, order_id: "a\0b" }],
    ["CONSTRAINT", "half a surrogate pair in order_id", withRaw("order_id", '"\\ud800"')],
    ["CONSTRAINT", "a long trace_id", { ...good, trace_id: "x".repeat(65) }],
  ])("%s: %s", (type, _, body) => {
    expect(read(body)).toMatchObject({ kind: "refused", failure: { type } });
  });

  test("the largest order is taken", () => {
    expect(intakeOf({ ...good, price: 99_999_999.99, quantity: 1 }).totalMinor).toBe(9_999_999_999n);
  });
});

describe("our own purchases", () => {
  const headers = { "content-type": "application/x-protobuf" };
  const purchase = create(SeckillOrderCreateSchema, {
    orderId: "ord_1",
    orderNumber: 4n,
    lineNumber: 5n,
    externalOrderId: "SKx",
    reservationId: "rsv_1",
    activityId: "act_1",
    productId: "3001",
    productName: "Lamp",
    buyerId: "7000",
    quantity: 2n,
    unitPrice: { currency: "EUR", minorUnits: 1250n },
    traceId: "t",
    createdAt: timestampFromMs(storedAt - 5),
    expiresAt: timestampFromMs(storedAt + 5),
  });

  test("are read from protobuf", () => {
    expect(read(toBinary(SeckillOrderCreateSchema, purchase), headers)).toMatchObject({
      kind: "order",
      intake: { purchase: { orderId: "ord_1", orderNumber: 4 }, unitPrice: "12.5", currency: "EUR", totalMinor: 2500n },
    });
  });

  test("are refused without a reservation", () => {
    const bad = { ...purchase, reservationId: "" };
    expect(read(toBinary(SeckillOrderCreateSchema, bad), headers)).toMatchObject({ kind: "refused" });
  });

  test("bytes that are no protobuf are refused", () => {
    expect(read(Buffer.from("{}"), headers)).toMatchObject({ kind: "refused" });
  });
});

test("no message makes the reader throw", () => {
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom(0, -1, 1e300, "seckill_order", "", null));
  const object = fc.record(
    Object.fromEntries([...Object.keys(good), ...Object.keys(readme)].map((key) => [key, value])),
    {
      requiredKeys: [],
    },
  );
  fc.assert(
    fc.property(object, (body) => void read(body)),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (data) => void read(data)),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      (data) => void read(data, { "Content-Type": "application/x-protobuf" }),
    ),
    { numRuns: 500 },
  );
});
