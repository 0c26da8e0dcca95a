import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Channel, OrderSchema, OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { expect, test } from "vitest";
import { orderMessage } from "./order-message.ts";

const order = {
  id: "ord_1",
  number: 7,
  channel: Channel.SECKILL,
  externalId: "SK7",
  buyerId: "b",
  status: OrderStatus.PAID,
  currency: "CNY",
  totalMinor: 250n,
  activityId: "act_1",
  reservationId: "res_1",
  traceId: "t",
  cancelReason: "",
  version: 2,
  createdAt: 1_700_000_000_123,
  updatedAt: 1_700_000_000_124,
  expiresAt: -1,
  paidAt: 1_700_000_000_125,
  cancelledAt: null,
  completedAt: null,
  refundedAt: null,
  expiredAt: null,
};
const line = {
  number: 1,
  productId: "p",
  productName: "n",
  quantity: 2,
  unitPrice: "1.25",
  totalMinor: 250n,
  createdAt: 1_700_000_000_123,
  updatedAt: 1_700_000_000_123,
};

test("is the message that its bytes are read as", () => {
  const message = orderMessage({ order, lines: [line] });
  expect(message).toEqual(fromBinary(OrderSchema, toBinary(OrderSchema, message)));
});

test.each(["createdAt", "expiresAt", "paidAt"] as const)("%s is the instant in milliseconds", (name) => {
  expect(orderMessage({ order, lines: [] })[name]).toEqual(timestampFromMs(order[name]));
});
