import { integer, text, timeMs, timeMsOrNull } from "@ordermesh/runtime/store/column.ts";
import { oneOfParts } from "@ordermesh/runtime/store/in-list.ts";
import { insertRows } from "@ordermesh/runtime/store/insert.ts";
import type { Row, Sql } from "@ordermesh/runtime/store/sql.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import { reservationStates } from "../domain/purchase.ts";
import { type Slot, slotKey } from "../domain/purchase-decision.ts";
import { lockActivities } from "./activity-store.ts";
import { addMove, moveStock, type StockMove } from "./stock.ts";

/** An order's hold on stock; times are epoch milliseconds. */
export interface ReservationRow {
  readonly id: string;
  /** Of a message whose product never had a sale: `untracked:` and the product, without an activity row. */
  readonly activityId: string;
  readonly productId: string;
  readonly buyerId: string;
  readonly quantity: number;
  /** Exact decimal text in major units, such as `12.50`. */
  readonly unitPrice: string;
  readonly currency: string;
  /** A value of `reservationStates`. */
  readonly state: number;
  readonly orderId: string;
  readonly orderNumber: number;
  readonly lineNumber: number;
  readonly externalOrderId: string;
  readonly traceId: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly soldAt: number | null;
  readonly releasedAt: number | null;
}

/** A reservation that is to be made: it stands and is not paid. */
export type NewReservation = Omit<ReservationRow, "state" | "soldAt" | "releasedAt">;

export function readReservation(row: Row): ReservationRow {
  return {
    id: text(row.id),
    activityId: text(row.activity_id),
    productId: text(row.product_id),
    buyerId: text(row.buyer_id),
    quantity: integer(row.quantity),
    unitPrice: text(row.unit_price),
    currency: text(row.currency),
    state: integer(row.state),
    orderId: text(row.order_id),
    orderNumber: integer(row.order_number),
    lineNumber: integer(row.line_number),
    externalOrderId: text(row.external_order_id),
    traceId: text(row.trace_id),
    createdAt: timeMs(row.created_at),
    expiresAt: timeMs(row.expires_at),
    soldAt: timeMsOrNull(row.sold_at),
    releasedAt: timeMsOrNull(row.released_at),
  };
}

export function reservationById(sql: Sql, id: string): Promise<ReservationRow | undefined> {
  return find(sql, "id = ?", [id]);
}

/** The reservation that a buyer holds in an activity, paid or not. */
export function liveReservation(sql: Sql, activityId: string, buyerId: string): Promise<ReservationRow | undefined> {
  return find(sql, "activity_id = ? and buyer_id = ? and live = 1", [activityId, buyerId]);
}

async function find(sql: Sql, condition: string, params: readonly string[]): Promise<ReservationRow | undefined> {
  const [row] = await sql.all(`select * from reservations where ${condition}`, params);
  return row === undefined ? undefined : readReservation(row);
}

/** Which of the buyers hold a live reservation in which activity, as `slotKey`s. */
export async function takenSlots(sql: Sql, slots: readonly Slot[]): Promise<Set<string>> {
  const buyers = new Map<string, string[]>();
  for (const { activityId, buyerId } of slots) {
    const list = buyers.get(activityId);
    if (list === undefined) buyers.set(activityId, [buyerId]);
    else list.push(buyerId);
  }
  const taken = new Set<string>();
  for (const [activityId, buyerIds] of buyers) {
    for (const { condition, params, options } of oneOfParts(sql.dialect, "buyer_id", buyerIds)) {
      const statement = `select buyer_id from reservations where activity_id = ? and live = 1 and ${condition}`;
      for (const row of await sql.all(statement, [activityId, ...params], options)) {
        taken.add(slotKey({ activityId, buyerId: text(row.buyer_id) }));
      }
    }
  }
  return taken;
}

const columns = [
  "id",
  "activity_id",
  "product_id",
  "buyer_id",
  "quantity",
  "unit_price",
  "currency",
  "state",
  "live",
  "order_id",
  "order_number",
  "line_number",
  "external_order_id",
  "trace_id",
  "created_at",
  "expires_at",
];

/**
 * Makes the reservations whose slots are free, and returns their ids. Their stock is still to be taken. Rows go in in
 * the order of their slots: two transactions that want the same ones wait for each other and do not deadlock.
 */
export async function makeReservations(uow: UnitOfWork, rows: readonly NewReservation[]): Promise<ReadonlySet<string>> {
  const keyed = rows.map((row) => ({ row, key: slotKey(row) })).sort((a, b) => (a.key < b.key ? -1 : 1));
  const sorted = keyed.map(({ row }) => row);
  const inserted = await insert(
    uow,
    sorted,
    uow.dialect.onDuplicateSkip("reservations", ["activity_id", "buyer_id", "live"]),
  );
  const made = new Set<string>();
  if (inserted === rows.length) {
    for (const { id } of rows) made.add(id);
    return made;
  }
  const ids = rows.map(({ id }) => id);
  for (const { condition, params, options } of oneOfParts(uow.dialect, "id", ids)) {
    const statement = `select id from reservations where ${condition}`;
    for (const row of await uow.all(statement, params, options)) made.add(text(row.id));
  }
  return made;
}

/** What became of the reservation of a message from outside. */
export type MessageReservation = "reserved" | "slot-taken" | "out-of-stock";

/**
 * Reserves for messages from outside, whose buyers were told yes by somebody else: neither the window nor the cap for
 * one buyer counts, the stock and the one slot of each buyer do (contracts/minishop.md 3.4). Outcomes in the order of
 * the rows; a row whose activity does not exist holds a slot and no stock. Locks activities, then reservations.
 *
 * With `later` it takes the stock for sufficient: nothing is locked but the reservations, and what is to be moved is
 * added there, for the end of the transaction, where the schema refuses what is short.
 */
export async function reserveForMessage(
  uow: UnitOfWork,
  rows: readonly NewReservation[],
  later?: Map<string, StockMove>,
): Promise<readonly MessageReservation[]> {
  const ids = later === undefined ? rows.map(({ activityId }) => activityId) : [];
  const activities = await lockActivities(uow, ids);
  const free = new Map([...activities].map(([id, activity]) => [id, activity.free]));
  const wantedOf = new Map<string, number>();
  for (const { activityId, quantity } of rows) wantedOf.set(activityId, (wantedOf.get(activityId) ?? 0) + quantity);
  const short = [...free].some(([activityId, left]) => left < (wantedOf.get(activityId) ?? 0));
  // Where there is enough for all, the insert itself tells who has a slot; otherwise they must not count as wanting.
  const taken = short ? await takenSlots(uow, rows) : new Set<string>();
  const outcomes = rows.map((row): MessageReservation => {
    const left = free.get(row.activityId);
    if (taken.has(slotKey(row))) return "slot-taken";
    if (left !== undefined && left < row.quantity) return "out-of-stock";
    taken.add(slotKey(row));
    if (left !== undefined) free.set(row.activityId, left - row.quantity);
    return "reserved";
  });
  const wanted = rows.filter((_row, index) => outcomes[index] === "reserved");
  // Where there is no activity row to lock, another process may take the slot meanwhile.
  const made = await makeReservations(uow, wanted);
  const moves = later ?? new Map<string, StockMove>();
  for (const { id, activityId, quantity } of wanted) {
    if (made.has(id)) addMove(moves, activityId, { free: -quantity, reserved: quantity, sold: 0 });
  }
  if (later === undefined) await moveStock(uow, moves);
  return rows.map((row, index) => {
    const outcome = outcomes[index] ?? "slot-taken";
    return outcome === "reserved" && !made.has(row.id) ? "slot-taken" : outcome;
  });
}

function insert(uow: UnitOfWork, rows: readonly NewReservation[], tail: string): Promise<number> {
  const { time } = uow.dialect;
  const values = rows.map((row) => [
    row.id,
    row.activityId,
    row.productId,
    row.buyerId,
    row.quantity,
    row.unitPrice,
    row.currency,
    reservationStates.reserved,
    1,
    row.orderId,
    row.orderNumber,
    row.lineNumber,
    row.externalOrderId,
    row.traceId,
    time(row.createdAt),
    time(row.expiresAt),
  ]);
  return insertRows(uow, "reservations", columns, values, tail);
}
