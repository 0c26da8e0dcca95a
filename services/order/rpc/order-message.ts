import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { OrderSchema, OrderTransitionSchema } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import type { OrderWithLines } from "../store/order-row.ts";
import type { OrderTransitionRow } from "../store/order-store.ts";

export function orderMessage({ order, lines }: OrderWithLines): MessageInitShape<typeof OrderSchema> {
  return {
    orderId: order.id,
    number: BigInt(order.number),
    channel: order.channel,
    externalId: order.externalId,
    buyerId: order.buyerId,
    status: order.status,
    total: { currency: order.currency, minorUnits: order.totalMinor },
    lines: lines.map((line) => ({
      number: BigInt(line.number),
      productId: line.productId,
      productName: line.productName,
      quantity: BigInt(line.quantity),
      unitPrice: line.unitPrice,
      total: { currency: order.currency, minorUnits: line.totalMinor },
      createdAt: timestampFromMs(line.createdAt),
      updatedAt: timestampFromMs(line.updatedAt),
    })),
    activityId: order.activityId,
    reservationId: order.reservationId,
    traceId: order.traceId,
    createdAt: timestampFromMs(order.createdAt),
    updatedAt: timestampFromMs(order.updatedAt),
    expiresAt: timestampOrNone(order.expiresAt),
    paidAt: timestampOrNone(order.paidAt),
    cancelledAt: timestampOrNone(order.cancelledAt),
    completedAt: timestampOrNone(order.completedAt),
    refundedAt: timestampOrNone(order.refundedAt),
    expiredAt: timestampOrNone(order.expiredAt),
    cancelReason: order.cancelReason,
    version: order.version,
  };
}

export function transitionMessage(row: OrderTransitionRow): MessageInitShape<typeof OrderTransitionSchema> {
  return {
    version: row.version,
    fromStatus: row.from,
    toStatus: row.to,
    remark: row.remark,
    actor: row.actor,
    changedAt: timestampFromMs(row.changedAt),
  };
}

function timestampOrNone(ms: number | null): Timestamp | undefined {
  return ms === null ? undefined : timestampFromMs(ms);
}
