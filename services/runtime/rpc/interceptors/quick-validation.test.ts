import { create, type DescMessage, type DescService } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { FailureService } from "@ordermesh/proto/ordermesh/order/v1/failure_pb";
import {
  GetOrderRequestSchema,
  ListOrdersRequestSchema,
  OrderSchema,
  OrderService,
  UpdateOrderStatusRequestSchema,
} from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { OrderTaskService } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import {
  GetReservationRequestSchema,
  PurchaseRequestSchema,
  SeckillService,
} from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyMessage } from "../testing/any-message.ts";
import { quickValidationOf } from "./quick-validation.ts";

const validator = createValidator();
const services: readonly DescService[] = [OrderService, SeckillService, OrderTaskService, FailureService];
const requests = services.flatMap((service) => service.methods.map((method) => method.input));

describe("says of no message that it is valid unless protovalidate does", () => {
  test.each(requests.map((type) => [type.typeName, type] as const))("%s", (_name, type: DescMessage) => {
    const isSurelyValid = quickValidationOf(type);
    fc.assert(
      fc.property(anyMessage(type), (message) => {
        if (isSurelyValid(message)) expect(validator.validate(type, message).kind).toBe("valid");
      }),
      { numRuns: 200 },
    );
  });
});

const request = { orderId: "ord_1", status: 2, remark: "sent" };

test.each([
  ["an everyday request", {}, true],
  ["a text of the greatest length", { orderId: "x".repeat(64) }, true],
  ["a text one longer", { orderId: "x".repeat(65) }, false],
  ["an empty text", { orderId: "" }, false],
  ["an enum value that is ruled out", { status: 0 }, false],
  ["an enum value that nobody defined", { status: 99 }, false],
])("%s", (_what, change, quick) => {
  const message = create(UpdateOrderStatusRequestSchema, { ...request, ...change });
  expect(quickValidationOf(UpdateOrderStatusRequestSchema)(message)).toBe(quick);
  expect(validator.validate(UpdateOrderStatusRequestSchema, message).kind).toBe(quick ? "valid" : "invalid");
});

test.each([-1, 0, 100, 101])("a page of %s", (pageSize) => {
  const message = create(ListOrdersRequestSchema, { pageSize });
  const { kind } = validator.validate(ListOrdersRequestSchema, message);
  expect(quickValidationOf(ListOrdersRequestSchema)(message)).toBe(kind === "valid");
});

test("a text whose characters take two units is protovalidate's to count", () => {
  const message = create(GetOrderRequestSchema, { orderId: "😀".repeat(64) });
  expect(quickValidationOf(GetOrderRequestSchema)(message)).toBe(false);
  expect(validator.validate(GetOrderRequestSchema, message).kind).toBe("valid");
});

test.each([
  ["res_1", true],
  ["res\0", false],
])("the text %j, in which a character is forbidden", (reservationId, quick) => {
  const message = create(GetReservationRequestSchema, { reservationId });
  expect(quickValidationOf(GetReservationRequestSchema)(message)).toBe(quick);
  expect(validator.validate(GetReservationRequestSchema, message).kind).toBe(quick ? "valid" : "invalid");
});

test("a type with an expression of CEL is protovalidate's", () => {
  const message = create(PurchaseRequestSchema, { activityId: "act_1", buyerId: "b", quantity: 1n });
  expect(quickValidationOf(PurchaseRequestSchema)(message)).toBe(false);
  expect(validator.validate(PurchaseRequestSchema, message).kind).toBe("valid");
});

test("a message of another type is not looked at", () => {
  expect(quickValidationOf(GetOrderRequestSchema)(create(OrderSchema, { orderId: "ord_1" }))).toBe(false);
});

test("a value of another type is protovalidate's to refuse", () => {
  const message = create(GetOrderRequestSchema, { orderId: 7 as never });
  expect(quickValidationOf(GetOrderRequestSchema)(message)).toBe(false);
});
