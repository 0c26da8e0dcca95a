import type { Channel, OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { bigint, integer, text, timeMs, timeMsOrNull } from "@ordermesh/runtime/store/column.ts";
import { inListParts } from "@ordermesh/runtime/store/in-list.ts";
import type { Row, Sql, SqlValue } from "@ordermesh/runtime/store/sql.ts";
import { orderOfReservation, productNameOf } from "./order-creation.ts";
import type { PageKey } from "./page-token.ts";
import { type ReservationRow, reservationByExternalId, reservationByOrderId } from "./reservation-store.ts";

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

export interface OrderTransitionRow {
  readonly version: number;
  readonly from: OrderStatus;
  readonly to: OrderStatus;
  readonly remark: string;
  readonly actor: string;
  readonly changedAt: number;
}

/** The order, also while only its reservation stands: a purchase that was confirmed is never unknown. */
export async function findOrder(sql: Sql, id: string): Promise<OrderWithLines | undefined> {
  const [row] = await sql.all("select * from orders where id = ?", [id]);
  if (row !== undefined) return await withLines(sql, readOrder(row));
  return await fromReservation(sql, await reservationByOrderId(sql, id));
}

/** As `findOrder`, by the id that is unique in a channel. */
export async function lookupOrder(sql: Sql, channel: Channel, externalId: string): Promise<OrderWithLines | undefined> {
  const [row] = await sql.all("select * from orders where channel = ? and external_id = ?", [channel, externalId]);
  if (row !== undefined) return await withLines(sql, readOrder(row));
  const found = await fromReservation(sql, await reservationByExternalId(sql, externalId));
  return found?.order.channel === channel ? found : undefined;
}

/** The row itself, locked to the end of the transaction. */
export async function lockOrder(sql: Sql, id: string): Promise<OrderRow | undefined> {
  const [row] = await sql.all(`select * from orders where id = ?${sql.dialect.forUpdate}`, [id]);
  return row === undefined ? undefined : readOrder(row);
}

async function fromReservation(sql: Sql, reservation: ReservationRow | undefined): Promise<OrderWithLines | undefined> {
  if (reservation === undefined) return undefined;
  // The row may have come between the two reads.
  const [row] = await sql.all("select * from orders where id = ?", [reservation.orderId]);
  if (row !== undefined) return await withLines(sql, readOrder(row));
  const order = orderOfReservation(reservation);
  const line: OrderLineRow = {
    number: reservation.lineNumber,
    productId: reservation.productId,
    productName: await productNameOf(sql, reservation),
    quantity: reservation.quantity,
    unitPrice: reservation.unitPrice,
    totalMinor: order.totalMinor,
    createdAt: order.createdAt,
    updatedAt: order.createdAt,
  };
  return { order, lines: [line] };
}

async function withLines(sql: Sql, order: OrderRow): Promise<OrderWithLines> {
  const lines = await linesOf(sql, [order.id]);
  return { order, lines: lines.get(order.id) ?? [] };
}

export interface OrderFilter {
  readonly buyerId?: string;
  readonly status?: OrderStatus;
  readonly channel?: Channel;
  /** Inclusive and exclusive, epoch milliseconds. */
  readonly createdFrom?: number;
  readonly createdBefore?: number;
}

export interface OrderPage {
  readonly after: PageKey | undefined;
  readonly skip: bigint;
  readonly limit: number;
}

/** Orders newest first (created_at, id), with their lines. */
export async function listOrders(sql: Sql, filter: OrderFilter, page: OrderPage): Promise<readonly OrderWithLines[]> {
  const { conditions, params } = conditionsOf(sql, filter);
  if (page.after !== undefined) {
    const at = sql.dialect.time(page.after.createdAt);
    conditions.push("(created_at < ? or (created_at = ? and id < ?))");
    params.push(at, at, page.after.id);
  }
  const statement = `select * from orders ${where(conditions)} order by created_at desc, id desc limit ? offset ?`;
  const orders = (await sql.all(statement, [...params, page.limit, page.skip])).map(readOrder);
  const lines = await linesOf(
    sql,
    orders.map(({ id }) => id),
  );
  return orders.map((order) => ({ order, lines: lines.get(order.id) ?? [] }));
}

export async function countOrders(sql: Sql, filter: OrderFilter): Promise<bigint> {
  const { conditions, params } = conditionsOf(sql, filter);
  const [row] = await sql.all(`select count(*) as n from orders ${where(conditions)}`, params);
  return bigint(row?.n);
}

/** Every move of an order, oldest first. */
export async function orderHistory(sql: Sql, orderId: string): Promise<readonly OrderTransitionRow[]> {
  const rows = await sql.all("select * from order_history where order_id = ? order by version", [orderId]);
  return rows.map((row) => ({
    version: integer(row.version),
    from: integer(row.from_status),
    to: integer(row.to_status),
    remark: text(row.remark),
    actor: text(row.actor),
    changedAt: timeMs(row.changed_at),
  }));
}

function conditionsOf(sql: Sql, filter: OrderFilter): { conditions: string[]; params: SqlValue[] } {
  const all: (readonly [string, SqlValue | undefined])[] = [
    ["buyer_id = ?", filter.buyerId],
    ["status = ?", filter.status],
    ["channel = ?", filter.channel],
    ["created_at >= ?", filter.createdFrom === undefined ? undefined : sql.dialect.time(filter.createdFrom)],
    ["created_at < ?", filter.createdBefore === undefined ? undefined : sql.dialect.time(filter.createdBefore)],
  ];
  const conditions: string[] = [];
  const params: SqlValue[] = [];
  for (const [condition, value] of all) {
    if (value === undefined) continue;
    conditions.push(condition);
    params.push(value);
  }
  return { conditions, params };
}

function where(conditions: readonly string[]): string {
  return conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`;
}

async function linesOf(sql: Sql, orderIds: readonly string[]): Promise<ReadonlyMap<string, readonly OrderLineRow[]>> {
  const lines = new Map<string, OrderLineRow[]>();
  for (const { list, params } of inListParts(orderIds)) {
    for (const row of await sql.all(`select * from order_lines where order_id in ${list} order by number`, params)) {
      const orderId = text(row.order_id);
      const known = lines.get(orderId);
      if (known === undefined) lines.set(orderId, [readLine(row)]);
      else known.push(readLine(row));
    }
  }
  return lines;
}

function readLine(row: Row): OrderLineRow {
  return {
    number: integer(row.number),
    productId: text(row.product_id),
    productName: text(row.product_name),
    quantity: integer(row.quantity),
    unitPrice: text(row.unit_price),
    totalMinor: bigint(row.total_minor),
    createdAt: timeMs(row.created_at),
    updatedAt: timeMs(row.updated_at),
  };
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
