import type { Channel, OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { bigint, integer, text, timeMs, timeMsOrNull } from "@ordermesh/runtime/store/column.ts";
import type { Row } from "@ordermesh/runtime/store/sql.ts";

/** Times are epoch milliseconds. */
export interface OrderRow {
  readonly id: string;
  readonly number: number;
  readonly channel: Channel;
  readonly externalId: string;
  readonly buyerId: string;
  readonly status: OrderStatus;
  readonly currency: string;
  readonly totalMinor: bigint;
  readonly activityId: string;
  readonly reservationId: string;
  readonly traceId: string;
  readonly cancelReason: string;
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly expiresAt: number | null;
  readonly paidAt: number | null;
  readonly cancelledAt: number | null;
  readonly completedAt: number | null;
  readonly refundedAt: number | null;
  readonly expiredAt: number | null;
}

export interface OrderLineRow {
  readonly number: number;
  readonly productId: string;
  readonly productName: string;
  readonly quantity: number;
  /** Exact decimal text in major units. */
  readonly unitPrice: string;
  readonly totalMinor: bigint;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface OrderWithLines {
  readonly order: OrderRow;
  readonly lines: readonly OrderLineRow[];
}

/** What `ordersOf` reads, of orders `o` and their lines `l`, each line with its order: one statement, one snapshot. */
export const orderWithLineColumns = `o.id, o.number, o.channel, o.external_id, o.buyer_id, o.status, o.currency,
  o.total_minor, o.activity_id, o.reservation_id, o.trace_id, o.cancel_reason, o.version, o.created_at, o.updated_at,
  o.expires_at, o.paid_at, o.cancelled_at, o.completed_at, o.refunded_at, o.expired_at,
  l.number as line_number, l.product_id, l.product_name, l.quantity, l.unit_price,
  l.total_minor as line_total_minor, l.created_at as line_created_at, l.updated_at as line_updated_at`;

/** Orders by id with their lines in the order of their numbers. */
export function ordersOf(rows: readonly Row[]): Map<string, OrderWithLines> {
  const orders = new Map<string, { readonly order: OrderRow; readonly lines: OrderLineRow[] }>();
  for (const row of rows) {
    const id = text(row.id);
    let entry = orders.get(id);
    if (entry === undefined) {
      entry = { order: readOrder(row), lines: [] };
      orders.set(id, entry);
    }
    if (row.line_number !== null) entry.lines.push(readLine(row));
  }
  for (const { lines } of orders.values()) lines.sort((a, b) => a.number - b.number);
  return orders;
}

function readOrder(row: Row): OrderRow {
  return {
    id: text(row.id),
    number: integer(row.number),
    channel: integer(row.channel),
    externalId: text(row.external_id),
    buyerId: text(row.buyer_id),
    status: integer(row.status),
    currency: text(row.currency),
    totalMinor: bigint(row.total_minor),
    activityId: text(row.activity_id),
    reservationId: text(row.reservation_id),
    traceId: text(row.trace_id),
    cancelReason: text(row.cancel_reason),
    version: integer(row.version),
    createdAt: timeMs(row.created_at),
    updatedAt: timeMs(row.updated_at),
    expiresAt: timeMsOrNull(row.expires_at),
    paidAt: timeMsOrNull(row.paid_at),
    cancelledAt: timeMsOrNull(row.cancelled_at),
    completedAt: timeMsOrNull(row.completed_at),
    refundedAt: timeMsOrNull(row.refunded_at),
    expiredAt: timeMsOrNull(row.expired_at),
  };
}

function readLine(row: Row): OrderLineRow {
  return {
    number: integer(row.line_number),
    productId: text(row.product_id),
    productName: text(row.product_name),
    quantity: integer(row.quantity),
    unitPrice: text(row.unit_price),
    totalMinor: bigint(row.line_total_minor),
    createdAt: timeMs(row.line_created_at),
    updatedAt: timeMs(row.line_updated_at),
  };
}
