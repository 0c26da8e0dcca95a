import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Order, OrderLine, OrderTransitionSchema } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import type { Money } from "@ordermesh/proto/ordermesh/type/v1/money_pb";
import type { OrderLineRow, OrderWithLines } from "../store/order-row.ts";
import type { OrderTransitionRow } from "../store/order-store.ts";

/** The whole message, not an init of one: as one literal it costs a tenth of what `create` does. */
export function orderMessage({ order, lines }: OrderWithLines): Order {
  return {
    $typeName: "ordermesh.order.v1.Order",
    orderId: order.id,
    number: BigInt(order.number),
    channel: order.channel,
    externalId: order.externalId,
    buyerId: order.buyerId,
    status: order.status,
    total: money(order.currency, order.totalMinor),
    lines: lines.map((line) => lineMessage(line, order.currency)),
    activityId: order.activityId,
    reservationId: order.reservationId,
    traceId: order.traceId,
    createdAt: timestamp(order.createdAt),
    updatedAt: timestamp(order.updatedAt),
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

function lineMessage(line: OrderLineRow, currency: string): OrderLine {
  return {
    $typeName: "ordermesh.order.v1.OrderLine",
    number: BigInt(line.number),
    productId: line.productId,
    productName: line.productName,
    quantity: BigInt(line.quantity),
    unitPrice: line.unitPrice,
    total: money(currency, line.totalMinor),
    createdAt: timestamp(line.createdAt),
    updatedAt: timestamp(line.updatedAt),
  };
}

function money(currency: string, minorUnits: bigint): Money {
  return { $typeName: "ordermesh.type.v1.Money", currency, minorUnits };
}

function timestamp(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  return {
    $typeName: "google.protobuf.Timestamp",
    seconds: BigInt(seconds),
    nanos: (ms - seconds * 1000) * 1_000_000,
  };
}

export function transitionMessage(row: OrderTransitionRow): MessageInitShape<typeof OrderTransitionSchema> {
  return {
    version: row.version,
    fromStatus: row.from,
    toStatus: row.to,
    remark: row.remark,
    actor: row.actor,
    changedAt: timestamp(row.changedAt),
  };
}

function timestampOrNone(ms: number | null): Timestamp | undefined {
  return ms === null ? undefined : timestamp(ms);
}
