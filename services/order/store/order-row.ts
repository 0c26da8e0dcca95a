import type { Channel, OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { bigint, integer, text, timeMs, timeMsOrNull } from "@ordermesh/runtime/store/column.ts";
import type { ValueRow } from "@ordermesh/runtime/store/sql.ts";

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

/**
 * What `ordersOf` reads, of orders `o` and their lines `l`, each line with its order: one statement, one snapshot.
 * `readOrder` and `readLine` know the columns by their places.
 */
export const orderWithLineColumns = `o.id, o.number, o.channel, o.external_id, o.buyer_id, o.status, o.currency,
  o.total_minor, o.activity_id, o.reservation_id, o.trace_id, o.cancel_reason, o.version, o.created_at, o.updated_at,
  o.expires_at, o.paid_at, o.cancelled_at, o.completed_at, o.refunded_at, o.expired_at,
  l.number, l.product_id, l.product_name, l.quantity, l.unit_price, l.total_minor, l.created_at, l.updated_at`;

/** Orders by id with their lines in the order of their numbers. */
export function ordersOf(rows: readonly ValueRow[]): Map<string, OrderWithLines> {
  const orders = new Map<string, { readonly order: OrderRow; readonly lines: OrderLineRow[] }>();
  for (const row of rows) {
    const id = text(row[0]);
    let entry = orders.get(id);
    if (entry === undefined) {
      entry = { order: readOrder(row), lines: [] };
      orders.set(id, entry);
    }
    if (row[21] !== null) entry.lines.push(readLine(row));
  }
  for (const { lines } of orders.values()) if (lines.length > 1) lines.sort((a, b) => a.number - b.number);
  return orders;
}

function readOrder(row: ValueRow): OrderRow {
  return {
    id: text(row[0]),
    number: integer(row[1]),
    channel: integer(row[2]),
    externalId: text(row[3]),
    buyerId: text(row[4]),
    status: integer(row[5]),
    currency: text(row[6]),
    totalMinor: bigint(row[7]),
    activityId: text(row[8]),
    reservationId: text(row[9]),
    traceId: text(row[10]),
    cancelReason: text(row[11]),
    version: integer(row[12]),
    createdAt: timeMs(row[13]),
    updatedAt: timeMs(row[14]),
    expiresAt: timeMsOrNull(row[15]),
    paidAt: timeMsOrNull(row[16]),
    cancelledAt: timeMsOrNull(row[17]),
    completedAt: timeMsOrNull(row[18]),
    refundedAt: timeMsOrNull(row[19]),
    expiredAt: timeMsOrNull(row[20]),
  };
}

function readLine(row: ValueRow): OrderLineRow {
  return {
    number: integer(row[21]),
    productId: text(row[22]),
    productName: text(row[23]),
    quantity: integer(row[24]),
    unitPrice: text(row[25]),
    totalMinor: bigint(row[26]),
    createdAt: timeMs(row[27]),
    updatedAt: timeMs(row[28]),
  };
}
