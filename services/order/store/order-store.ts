import { Channel, type OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { bigint, integer, text, timeMs } from "@ordermesh/runtime/store/column.ts";
import { inListParts } from "@ordermesh/runtime/store/in-list.ts";
import type { Sql, SqlValue } from "@ordermesh/runtime/store/sql.ts";
import { type OrderWithLines, ordersOf, orderWithLineColumns } from "./order-row.ts";
import type { PageKey } from "./page-token.ts";
import type { ReservationRow } from "./reservation-store.ts";
import { reservationsBy, reservedOrders } from "./reserved-orders.ts";

const withLines = "left join order_lines l on l.order_id = o.id";

export interface OrderTransitionRow {
  readonly version: number;
  readonly from: OrderStatus;
  readonly to: OrderStatus;
  readonly remark: string;
  readonly actor: string;
  readonly changedAt: number;
}

/** An order as its channel knows it. */
export interface ChannelId {
  readonly channel: Channel;
  readonly externalId: string;
}

/** Orders by their ids, also while only their reservations stand: a purchase that was confirmed is never unknown. */
export async function findOrders(sql: Sql, ids: readonly string[]): Promise<readonly (OrderWithLines | undefined)[]> {
  const found = await ordersById(sql, ids);
  const missing = ids.filter((id) => !found.has(id));
  for (const reserved of await fromReservations(sql, await reservationsBy(sql, "order_id", missing))) {
    found.set(reserved.order.id, reserved);
  }
  return ids.map((id) => found.get(id));
}

/** As `findOrders`, by the ids that are unique in their channels. */
export async function lookupOrders(
  sql: Sql,
  keys: readonly ChannelId[],
): Promise<readonly (OrderWithLines | undefined)[]> {
  const found = new Map<string, OrderWithLines>();
  const add = (orders: Iterable<OrderWithLines>): void => {
    for (const each of orders) found.set(channelKey(each.order), each);
  };
  for (const channel of new Set(keys.map((key) => key.channel))) {
    const ids = keys.filter((key) => key.channel === channel).map(({ externalId }) => externalId);
    for (const { list, params } of inListParts(ids)) {
      const statement = `select ${orderWithLineColumns} from orders o ${withLines}
        where o.channel = ? and o.external_id in ${list}`;
      add(ordersOf(await sql.values(statement, [channel, ...params])).values());
    }
  }
  // Every order that stands as a reservation is one of a flash sale.
  const missing = keys.filter((key) => key.channel === Channel.SECKILL && !found.has(channelKey(key)));
  const externalIds = missing.map(({ externalId }) => externalId);
  add(await fromReservations(sql, await reservationsBy(sql, "external_order_id", externalIds)));
  return keys.map((key) => found.get(channelKey(key)));
}

function channelKey({ channel, externalId }: ChannelId): string {
  return `${channel} ${externalId}`;
}

/** The orders of these ids whose rows stand, by id. */
export async function ordersById(sql: Sql, ids: readonly string[]): Promise<Map<string, OrderWithLines>> {
  const found = new Map<string, OrderWithLines>();
  for (const { list, params } of inListParts(ids)) {
    const statement = `select ${orderWithLineColumns} from orders o ${withLines} where o.id in ${list}`;
    for (const [id, order] of ordersOf(await sql.values(statement, params))) found.set(id, order);
  }
  return found;
}

async function fromReservations(sql: Sql, reservations: readonly ReservationRow[]): Promise<readonly OrderWithLines[]> {
  if (reservations.length === 0) return [];
  // Rows may have come between the two reads.
  const made = await ordersById(
    sql,
    reservations.map(({ orderId }) => orderId),
  );
  const unmade = await reservedOrders(
    sql,
    reservations.filter(({ orderId }) => !made.has(orderId)),
  );
  return [...made.values(), ...unmade];
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
    // Not `created_at < ? or (...)`: PostgreSQL would read from the newest row on to find the place.
    conditions.push("created_at <= ? and (created_at < ? or id < ?)");
    params.push(at, at, page.after.id);
  }
  const statement = `select ${orderWithLineColumns} from
    (select * from orders ${where(conditions)} order by created_at desc, id desc limit ? offset ?) o ${withLines}`;
  const orders = ordersOf(await sql.values(statement, [...params, page.limit, page.skip]));
  // Here and not in the statement, which would sort whole rows.
  return [...orders.values()].sort(newestFirst);
}

/** Ids are ASCII: in code units as in bytes. */
function newestFirst({ order: a }: OrderWithLines, { order: b }: OrderWithLines): number {
  return b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1);
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
