import { Channel, OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { insertRows } from "@ordermesh/runtime/store/insert.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import { parseDecimal, totalMinor } from "../domain/decimal.ts";
import { orderCreated, orderStatusChanged } from "../domain/order-events.ts";
import { reservationStates } from "../domain/purchase.ts";
import { countCreated, countTransition, utcDay } from "./daily-stats.ts";
import type { ReservationRow } from "./reservation-store.ts";
import { moveStock, type StockMove } from "./stock.ts";

/** Actor of what no person does. */
export const systemActor = "system";

/** A flash-sale order to be made from its reservation. */
export interface NewOrder {
  readonly reservation: ReservationRow;
  readonly productName: string;
}

/** What an order made from this reservation is: a reservation that was given back makes an order that is over. */
export function orderOfReservation(reservation: ReservationRow) {
  const price = parseDecimal(reservation.unitPrice);
  if (price === undefined) throw new Error(`reservation ${reservation.id} has no price`);
  const { releasedAt } = reservation;
  const released = reservation.state === reservationStates.released && releasedAt !== null;
  const expired = released && releasedAt >= reservation.expiresAt;
  const status = released ? (expired ? OrderStatus.EXPIRED : OrderStatus.CANCELLED) : OrderStatus.PENDING;
  return {
    id: reservation.orderId,
    number: reservation.orderNumber,
    channel: Channel.SECKILL,
    externalId: reservation.externalOrderId,
    buyerId: reservation.buyerId,
    status,
    currency: reservation.currency,
    totalMinor: totalMinor(price, BigInt(reservation.quantity)),
    activityId: reservation.activityId,
    reservationId: reservation.id,
    traceId: reservation.traceId,
    cancelReason: "",
    version: released ? 2 : 1,
    createdAt: reservation.createdAt,
    updatedAt: released ? releasedAt : reservation.createdAt,
    expiresAt: reservation.expiresAt,
    paidAt: null,
    cancelledAt: released && !expired ? releasedAt : null,
    completedAt: null,
    refundedAt: null,
    expiredAt: expired ? releasedAt : null,
  };
}

/**
 * Writes orders with their lines, history, statistics and events, and moves stock that is still to be moved for them.
 * What all makers of orders lock comes last: activities, then statistics. The caller holds the locks of the reservations, or
 * has made them in this transaction; no order of theirs stands.
 */
export async function createOrders(
  uow: UnitOfWork,
  orders: readonly NewOrder[],
  moves: ReadonlyMap<string, StockMove> = new Map(),
): Promise<void> {
  if (orders.length === 0) return;
  const { time } = uow.dialect;
  const timeOrNull = (ms: number | null): string | null => (ms === null ? null : time(ms));
  const made = orders.map(({ reservation, productName }) => ({
    reservation,
    productName,
    order: orderOfReservation(reservation),
  }));
  await insertRows(
    uow,
    "orders",
    orderColumns,
    made.map(({ order }) => [
      order.id,
      order.number,
      order.channel,
      order.externalId,
      order.buyerId,
      order.status,
      order.currency,
      order.totalMinor,
      order.activityId,
      order.reservationId,
      order.traceId,
      order.cancelReason,
      order.version,
      time(order.createdAt),
      time(order.updatedAt),
      time(order.expiresAt),
      timeOrNull(order.cancelledAt),
      timeOrNull(order.expiredAt),
    ]),
  );
  await insertRows(
    uow,
    "order_lines",
    lineColumns,
    made.map(({ order, reservation, productName }) => [
      reservation.lineNumber,
      order.id,
      reservation.productId,
      productName,
      reservation.quantity,
      reservation.unitPrice,
      order.totalMinor,
      time(order.createdAt),
      time(order.createdAt),
    ]),
  );
  const { UNSPECIFIED, PENDING } = OrderStatus;
  await insertRows(
    uow,
    "order_history",
    ["order_id", "version", "from_status", "to_status", "remark", "actor", "changed_at"],
    made.flatMap(({ order }) => {
      const first = [order.id, 1, UNSPECIFIED, PENDING, "", systemActor, time(order.createdAt)];
      const second = [order.id, 2, PENDING, order.status, "", systemActor, time(order.updatedAt)];
      return order.version === 1 ? [first] : [first, second];
    }),
  );
  for (const { order } of made) {
    uow.emit(orderCreated(order));
    if (order.version === 1) continue;
    uow.emit(orderStatusChanged(order, { from: PENDING, to: order.status, version: 2, changedAt: order.updatedAt }));
  }
  await uow.writeEvents();
  await moveStock(uow, moves);
  await countCreated(
    uow,
    made.map(({ order }) => ({ ...order, day: utcDay(order.createdAt) })),
  );
  for (const { order } of made) {
    if (order.version > 1) await countTransition(uow, { ...order, day: utcDay(order.updatedAt) });
  }
}

/** The name of a product whose sale is not known (docs/contracts/minishop.md 9.10). */
export function defaultProductName(productId: string): string {
  return `Product-${productId}`;
}

const orderColumns = [
  "id",
  "number",
  "channel",
  "external_id",
  "buyer_id",
  "status",
  "currency",
  "total_minor",
  "activity_id",
  "reservation_id",
  "trace_id",
  "cancel_reason",
  "version",
  "created_at",
  "updated_at",
  "expires_at",
  "cancelled_at",
  "expired_at",
];

const lineColumns = [
  "number",
  "order_id",
  "product_id",
  "product_name",
  "quantity",
  "unit_price",
  "total_minor",
  "created_at",
  "updated_at",
];
