import { integer, text, timeMs } from "@ordermesh/runtime/store/column.ts";
import { newId } from "@ordermesh/runtime/store/id.ts";
import { oneOfParts } from "@ordermesh/runtime/store/in-list.ts";
import type { Row, Sql } from "@ordermesh/runtime/store/sql.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import type { OrderIntake } from "../domain/order-intake.ts";
import { defaultPaymentWindowMs, reservationStates } from "../domain/purchase.ts";
import { createOrders, defaultProductName, type NewOrder } from "./order-creation.ts";
import { type NewReservation, type ReservationRow, readReservation, reserveForMessage } from "./reservation-store.ts";
import type { StockMove } from "./stock.ts";

export type IntakeResult =
  | { readonly kind: "created"; readonly orderId: string }
  /** The order stands already: nothing was done. */
  | { readonly kind: "duplicate" }
  /** It can never become an order; nothing of it was written. */
  | { readonly kind: "conflict"; readonly reason: string };

/** Numbers for the orders of messages from outside: as many as there are such intakes. */
export interface IntakeNumbers {
  readonly orders: readonly number[];
  readonly lines: readonly number[];
}

/**
 * Makes the orders of many messages in one transaction; results in the order of the intakes. A purchase of ours finds
 * its reservation; a message from outside reserves here (docs/contracts/minishop.md 3.4). Two transactions that take
 * the same order at once make one of them fail with a duplicate key: run it again. Orders from outside may be paid for
 * `paymentWindowMs`. `expectNew` takes orders for new and the stock for sufficient: it searches less and locks activities last;
 * an order that stands may then fail with a duplicate key, too, and short stock with a constraint.
 */
export async function takeOrders(
  uow: UnitOfWork,
  intakes: readonly OrderIntake[],
  numbers: IntakeNumbers,
  paymentWindowMs: number = defaultPaymentWindowMs,
  expectNew = false,
): Promise<readonly IntakeResult[]> {
  const results: IntakeResult[] = [];
  const orders: NewOrder[] = [];
  const outside = intakes.filter(({ purchase }) => purchase === undefined);
  const known = await reservationsOf(
    uow,
    expectNew ? intakes.filter(({ purchase }) => purchase !== undefined) : intakes,
    expectNew,
  );
  const sales = await salesOf(uow, outside);
  const now = outside.length === 0 ? 0 : await uow.now();
  const wanted: { readonly index: number; readonly row: NewReservation; readonly name: string }[] = [];
  const seen = new Map<string, OrderIntake>();

  intakes.forEach((intake, index) => {
    const earlier = seen.get(intake.externalId);
    if (earlier !== undefined) {
      results[index] = sameOrder(earlier, intake);
      return;
    }
    seen.set(intake.externalId, intake);
    const found = known.get(intake.externalId);
    if (found !== undefined) {
      if (intake.purchase === undefined || found.made || found.row.id !== intake.purchase.reservationId) {
        results[index] = sameOrder(found.row, intake);
        return;
      }
      orders.push({ reservation: found.row, productName: intake.productName || defaultProductName(intake.productId) });
      results[index] = { kind: "created", orderId: found.row.orderId };
      return;
    }
    if (intake.purchase !== undefined) {
      results[index] = { kind: "conflict", reason: "there is no such reservation" };
      return;
    }
    const sale = saleOf(sales.get(intake.productId) ?? [], intake);
    wanted.push({
      index,
      name: sale.productName || defaultProductName(intake.productId),
      row: {
        ...newReservation(intake, sale.id, now, numbers.orders[wanted.length] ?? 0, numbers.lines[wanted.length] ?? 0),
        expiresAt: now + paymentWindowMs,
      },
    });
  });

  const moves = new Map<string, StockMove>();
  const outcomes = await reserveForMessage(
    uow,
    wanted.map(({ row }) => row),
    expectNew ? moves : undefined,
  );
  const late = await reservationsOf(
    uow,
    wanted.filter((_, at) => outcomes[at] === "slot-taken").map(({ row }) => ({ externalId: row.externalOrderId })),
  );
  wanted.forEach(({ index, row, name }, at) => {
    const outcome = outcomes[at];
    const meanwhile = late.get(row.externalOrderId)?.row;
    if (outcome === "reserved") {
      orders.push({
        reservation: { ...row, state: reservationStates.reserved, soldAt: null, releasedAt: null },
        productName: name,
      });
      results[index] = { kind: "created", orderId: row.orderId };
    } else if (meanwhile !== undefined) {
      results[index] = sameOrder(meanwhile, row);
    } else {
      const reason = outcome === "slot-taken" ? "the buyer has another order in this sale" : "not enough stock";
      results[index] = { kind: "conflict", reason };
    }
  });
  for (const id of moves.keys()) if (id.startsWith(untrackedPrefix)) moves.delete(id);
  await createOrders(uow, orders, moves);
  return results;
}

type Buying = Pick<OrderIntake, "buyerId" | "productId">;

/** An order id that comes again is the same order, unless it is somebody else's. */
function sameOrder(one: Buying, other: Buying): IntakeResult {
  if (one.buyerId === other.buyerId && one.productId === other.productId) return { kind: "duplicate" };
  return { kind: "conflict", reason: "the order id belongs to another buyer or product" };
}

/** Locks the reservations with these external ids, and tells whether their orders stand; with `expectNew` none does. */
async function reservationsOf(
  uow: UnitOfWork,
  intakes: readonly Pick<OrderIntake, "externalId">[],
  expectNew = false,
): Promise<ReadonlyMap<string, { readonly row: ReservationRow; readonly made: boolean }>> {
  const rows: ReservationRow[] = [];
  const made = new Set<string>();
  const externalIds = intakes.map(({ externalId }) => externalId).sort();
  for (const { condition, params, options } of oneOfParts(uow.dialect, "external_order_id", externalIds)) {
    const statement = `select * from reservations where ${condition} order by id${uow.dialect.forUpdate}`;
    rows.push(...(await uow.all(statement, params, options)).map(readReservation));
  }
  const orderIds = expectNew ? [] : rows.map(({ orderId }) => orderId);
  for (const { condition, params, options } of oneOfParts(uow.dialect, "id", orderIds)) {
    const found = await uow.all(`select id from orders where ${condition}`, params, options);
    for (const row of found) made.add(text(row.id));
  }
  return new Map(rows.map((row) => [row.externalOrderId, { row, made: made.has(row.orderId) }]));
}

/** Of the activity ids of messages whose product had no sale: there is no such activity, and no stock. */
const untrackedPrefix = "untracked:";

interface Sale {
  readonly id: string;
  readonly productName: string;
  /** Epoch milliseconds; undefined before it opens. */
  readonly openedAt: number | undefined;
}

/** Sales of the products of messages from outside, by product, the latest first. */
async function salesOf(sql: Sql, intakes: readonly OrderIntake[]): Promise<ReadonlyMap<string, readonly Sale[]>> {
  const sales = new Map<string, Sale[]>();
  const products = new Set(intakes.map(({ productId }) => productId));
  for (const { condition, params, options } of oneOfParts(sql.dialect, "product_id", [...products])) {
    const statement = `select id, product_id, product_name, opened_at from activities where ${condition}
      order by opened_at desc, id desc`;
    for (const row of await sql.all(statement, params, options)) {
      const productId = text(row.product_id);
      const known = sales.get(productId);
      if (known === undefined) sales.set(productId, [readSale(row)]);
      else known.push(readSale(row));
    }
  }
  return sales;
}

function readSale(row: Row): Sale {
  return {
    id: text(row.id),
    productName: text(row.product_name),
    openedAt: row.opened_at === null ? undefined : timeMs(row.opened_at),
  };
}

/** The sale that the message names, else the one open, or last open, when it was sent (docs/contracts/minishop.md 9.9). */
function saleOf(sales: readonly Sale[], intake: OrderIntake): { id: string; productName: string } {
  const untracked = `${untrackedPrefix}${intake.productId}`;
  if (intake.activityId !== "") {
    const named = sales.find(({ id }) => id === intake.activityId);
    return named ?? { id: `${untracked}:${intake.activityId}`, productName: "" };
  }
  const open = sales.find(({ openedAt }) => openedAt !== undefined && openedAt <= intake.sentAt);
  return open ?? { id: untracked, productName: "" };
}

function newReservation(
  intake: OrderIntake,
  activityId: string,
  now: number,
  orderNumber: number,
  lineNumber: number,
): Omit<NewReservation, "expiresAt"> {
  return {
    id: newId("rsv_"),
    activityId,
    productId: intake.productId,
    buyerId: intake.buyerId,
    quantity: integer(intake.quantity),
    unitPrice: intake.unitPrice,
    currency: intake.currency,
    orderId: newId("ord_"),
    orderNumber,
    lineNumber,
    externalOrderId: intake.externalId,
    traceId: intake.traceId,
    createdAt: now,
  };
}
