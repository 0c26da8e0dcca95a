import type { orderMessage } from "@ordermesh/order/rpc/order-message.ts";
import { Channel, OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";

/** An order as the store gives it. */
export type StoredOrder = Parameters<typeof orderMessage>[0];

const createdAt = Date.UTC(2026, 10, 11, 12, 0, 0, 123);

/** The orders that every contender serves from memory: a purchase of one product, paid, as the store would give it. */
export const orders: readonly StoredOrder[] = Array.from({ length: 20 }, (_, index) => orderOf(1001 + index));

export const ordersById: ReadonlyMap<string, StoredOrder> = new Map(orders.map((order) => [order.order.id, order]));

function orderOf(number: number): StoredOrder {
  const updatedAt = createdAt + number;
  return {
    order: {
      id: `ord_019a71e8-6a00-7000-8000-00000000${number}`,
      number,
      channel: Channel.SECKILL,
      externalId: `SK20261111${number}`,
      buyerId: `buyer-${number}`,
      status: OrderStatus.PAID,
      currency: "CNY",
      totalMinor: 259_800n,
      activityId: "act_019a71e8-6a00-7000-8000-000000000007",
      reservationId: `res_019a71e8-6a00-7000-8000-00000000${number}`,
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      cancelReason: "",
      version: 2,
      createdAt,
      updatedAt,
      expiresAt: createdAt + 900_000,
      paidAt: updatedAt,
      cancelledAt: null,
      completedAt: null,
      refundedAt: null,
      expiredAt: null,
    },
    lines: [
      {
        number: number + 5000,
        productId: "3001",
        productName: "Wireless headphones, black",
        quantity: 2,
        unitPrice: "1299.00",
        totalMinor: 259_800n,
        createdAt,
        updatedAt,
      },
    ],
  };
}
