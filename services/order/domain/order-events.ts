import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { OrderCreatedSchema, OrderStatusChangedSchema } from "@ordermesh/proto/ordermesh/events/v1/order_pb";
import { Channel, OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";

/** An event to leave with a transaction. */
export interface DomainEvent {
  readonly subject: string;
  readonly data: Uint8Array;
}

/** What events tell of an order. */
export interface EventOrder {
  readonly id: string;
  readonly channel: Channel;
  readonly externalId: string;
  readonly buyerId: string;
}

export function orderCreated(
  order: EventOrder & {
    readonly currency: string;
    readonly totalMinor: bigint;
    readonly traceId: string;
    readonly createdAt: number;
  },
): DomainEvent {
  const event = create(OrderCreatedSchema, {
    ...about(order),
    total: { currency: order.currency, minorUnits: order.totalMinor },
    traceId: order.traceId,
    createdAt: timestampFromMs(order.createdAt),
  });
  return { subject: "ordermesh.order.order.created.v1", data: toBinary(OrderCreatedSchema, event) };
}

/** `changedAt` in epoch milliseconds; `version` is the one that the move made. */
export function orderStatusChanged(
  order: EventOrder,
  move: { readonly from: OrderStatus; readonly to: OrderStatus; readonly version: number; readonly changedAt: number },
): DomainEvent {
  const event = create(OrderStatusChangedSchema, {
    ...about(order),
    fromStatus: statusName(move.from),
    toStatus: statusName(move.to),
    version: move.version,
    refundDue: move.from === OrderStatus.PAID && move.to === OrderStatus.CANCELLED,
    changedAt: timestampFromMs(move.changedAt),
  });
  return { subject: "ordermesh.order.order.status.v1", data: toBinary(OrderStatusChangedSchema, event) };
}

function about(order: EventOrder) {
  return {
    orderId: order.id,
    channel: Channel[order.channel].toLowerCase(),
    externalId: order.externalId,
    buyerId: order.buyerId,
  };
}

function statusName(status: OrderStatus): string {
  return OrderStatus[status].toLowerCase();
}
