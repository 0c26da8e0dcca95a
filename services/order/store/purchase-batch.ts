import type { Database } from "@ordermesh/runtime/store/database.ts";
import { type GroupCommit, groupCommit, type Outcome } from "@ordermesh/runtime/store/group-commit.ts";
import { newId, uuidv7 } from "@ordermesh/runtime/store/id.ts";
import { claimRefusal, type IdempotencyClaim } from "@ordermesh/runtime/store/idempotency.ts";
import { allocator } from "@ordermesh/runtime/store/sequence.ts";
import { StoreError } from "@ordermesh/runtime/store/store-error.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import type { ActivityRow } from "../domain/activity.ts";
import { decimalText, fromMinor } from "../domain/decimal.ts";
import { externalOrderId } from "../domain/purchase.ts";
import {
  decidePurchases,
  type PurchaseDecision,
  type PurchaseWish,
  type Sales,
  type Slot,
  saleOf,
  slotKey,
} from "../domain/purchase-decision.ts";
import { readSales } from "./activity-store.ts";
import { KnownSales } from "./known-sales.ts";
import { purchaseEvent } from "./purchase-event.ts";
import { makeReservations, type NewReservation, takenSlots } from "./reservation-store.ts";
import { takeStock } from "./stock.ts";

/** One buyer's wish, and how it was asked for. */
export interface PurchaseOrder extends PurchaseWish {
  readonly traceId: string;
  readonly claim: IdempotencyClaim | undefined;
}

/** A purchase that is made. */
export interface Purchased {
  readonly reservation: NewReservation;
  /** Free stock right after it. */
  readonly remaining: number;
}

/** A purchase made now, or the stored answer to the same request with the same Idempotency-Key. */
export type PurchaseResult = Purchased | { readonly stored: Uint8Array };

export interface PurchaseBatchOptions {
  readonly database: Database;
  /** How long an order may be paid (milliseconds). */
  readonly paymentWindowMs: number;
  /** Most purchases waiting. Default that of `groupCommit`. */
  readonly maxQueue?: number | undefined;
  /** Most purchases of one transaction. Default that of `groupCommit`. */
  readonly maxBatch?: number | undefined;
  /** Transactions at a time. Default 2: one writes its rows while the other commits; SQLite has one writer. */
  readonly concurrency?: number | undefined;
  /** The answer as idempotency keys keep it. */
  encode(purchased: Purchased): Uint8Array;
}

/** A crash wastes at most so many numbers. */
const numberBlock = 2000;

/** Numbers for the orders of a batch and for their lines; those of orders that are not made are given back. */
interface Numbers {
  readonly orders: readonly number[];
  readonly lines: readonly number[];
}

/** An order that may be made, and its reservation. */
interface Wanted {
  readonly order: PurchaseOrder;
  readonly activity: ActivityRow;
  readonly reservation: NewReservation;
}

type Outcomes = Map<PurchaseOrder, Outcome<PurchaseResult>>;

/**
 * Commits the purchases that arrive together in one transaction: stock, reservation, event and idempotency row of
 * each, before any of them is answered. A caller who leaves after that began changes nothing.
 *
 * The activity's row, which all buyers of a sale want, is locked last and for the commit alone: what is known of the
 * sale decides who may buy (a refusal only what is read of it now), reservations and events are written, and then the
 * stock is taken under the conditions of that decision. Where they do not hold, the transaction is undone and runs again.
 */
export function purchaseBatch(options: PurchaseBatchOptions): GroupCommit<PurchaseOrder, PurchaseResult> {
  const { database, maxQueue, maxBatch } = options;
  const orderNumbers = allocator(database, "order", numberBlock);
  const lineNumbers = allocator(database, "order_line", numberBlock);
  const known = new KnownSales();

  return groupCommit<PurchaseOrder, PurchaseResult, Numbers>({
    database,
    concurrency: options.concurrency ?? (database.dialect.name === "sqlite" ? 1 : 2),
    ...(maxQueue === undefined ? {} : { maxQueue }),
    ...(maxBatch === undefined ? {} : { maxBatch }),
    prepare: async (count) => ({ orders: await orderNumbers.take(count), lines: await lineNumbers.take(count) }),
    run: async (uow, orders, numbers) => {
      const outcomes = await answeredBefore(uow, orders);
      const open = orders.filter((order) => !outcomes.has(order));
      const { accepted, refused, nowMs } = await decide(uow, open, known);
      for (const [order, error] of refused) outcomes.set(order, { error });
      const wanted = accepted.map(({ wish, activity }, index): Wanted => {
        const reservation = {
          ...newReservation(wish, activity, nowMs, options.paymentWindowMs),
          orderNumber: numbers.orders[index] ?? 0,
          lineNumber: numbers.lines[index] ?? 0,
        };
        return { order: wish, activity, reservation };
      });
      const made = await write(uow, wanted);
      // Whom the stock did not reach may have some now: another batch made these buyers' purchases meanwhile.
      if (made.length < wanted.length && refused.size > 0) throw new StoreError("conflict");
      const buyers = new Set(made.map(({ order }) => order));
      const holders = wanted.filter(({ order }) => !buyers.has(order));
      for (const [order, error] of await refuseHolders(uow, holders, known)) outcomes.set(order, { error });
      uow.afterCommit(() => {
        const used = new Set(made.map(({ reservation }) => reservation.orderNumber));
        const unused = (_number: number, index: number) => !used.has(numbers.orders[index] ?? 0);
        orderNumbers.giveBack(numbers.orders.filter(unused));
        lineNumbers.giveBack(numbers.lines.filter(unused));
      });
      const answers = [];
      for (const { order, purchased } of await take(uow, made, known)) {
        outcomes.set(order, { value: purchased });
        if (order.claim !== undefined) answers.push({ claim: order.claim, answer: options.encode(purchased) });
      }
      uow.recordAll(answers);
      return orders.map((order) => outcomes.get(order) ?? { error: new Error("a purchase was not decided") });
    },
  });
}

/** Outcomes of the orders that their Idempotency-Key settles. */
async function answeredBefore(uow: UnitOfWork, orders: readonly PurchaseOrder[]): Promise<Outcomes> {
  const outcomes: Outcomes = new Map();
  const keyed = orders.flatMap((order) => (order.claim === undefined ? [] : [{ order, claim: order.claim }]));
  if (keyed.length === 0) return outcomes;
  const states = await uow.claimAll(keyed.map(({ claim }) => claim));
  keyed.forEach(({ order }, index) => {
    const state = states[index];
    if (state === undefined || state.kind === "new") return;
    const refused = { error: claimRefusal(state) };
    outcomes.set(order, state.kind === "finished" ? { value: { stored: state.answer } } : refused);
  });
  return outcomes;
}

interface Decision extends PurchaseDecision<PurchaseOrder> {
  /** Of the decision, on the database's clock (epoch milliseconds). */
  readonly nowMs: number;
}

/**
 * Decides by what is known of the sales; where that refuses somebody, by reading them. Who holds a slot is read only
 * where somebody is still refused, for it is told before a lack of stock; otherwise the insert finds that out.
 */
async function decide(uow: UnitOfWork, orders: readonly PurchaseOrder[], known: KnownSales): Promise<Decision> {
  const guess = known.guess(orders.map(({ target }) => target));
  if (guess !== undefined) {
    const guessed = decidePurchases(orders, guess, new Set());
    if (guessed.refused.size === 0) return { ...guessed, nowMs: guess.nowMs };
  }
  const sales = await salesOf(uow, orders, known);
  const { nowMs } = sales;
  const hoped = decidePurchases(orders, sales, new Set());
  if (hoped.refused.size === 0) return { ...hoped, nowMs };
  return { ...decidePurchases(orders, sales, await takenSlots(uow, slotsOf(orders, sales))), nowMs };
}

/**
 * Why buyers whose slots were taken are refused: that comes after what is wrong with the sale itself. Throws a conflict
 * where a product means another sale by now, in which they may hold nothing.
 */
async function refuseHolders(
  uow: UnitOfWork,
  holders: readonly Wanted[],
  known: KnownSales,
): Promise<PurchaseDecision<PurchaseOrder>["refused"]> {
  if (holders.length === 0) return new Map();
  const orders = holders.map(({ order }) => order);
  const sales = await salesOf(uow, orders, known);
  for (const { order, activity } of holders) {
    if ((saleOf(sales, order.target) ?? activity).id !== activity.id) throw new StoreError("conflict");
  }
  return decidePurchases(orders, sales, new Set(slotsOf(orders, sales).map(slotKey))).refused;
}

async function salesOf(uow: UnitOfWork, orders: readonly PurchaseOrder[], known: KnownSales): Promise<Sales> {
  const sales = await readSales(uow, {
    ids: orders.flatMap(({ target }) => ("activityId" in target ? [target.activityId] : [])),
    products: orders.flatMap(({ target }) => ("productId" in target ? [target.productId] : [])),
  });
  known.learn(sales);
  return sales;
}

function slotsOf(orders: readonly PurchaseOrder[], sales: Sales): readonly Slot[] {
  return orders.flatMap((order): Slot[] => {
    const activityId = saleOf(sales, order.target)?.id;
    return activityId === undefined ? [] : [{ activityId, buyerId: order.buyerId }];
  });
}

/** Writes reservations and events; returns what is made: those whose slot was free. */
async function write(uow: UnitOfWork, wanted: readonly Wanted[]): Promise<readonly Wanted[]> {
  const ids = await makeReservations(
    uow,
    wanted.map(({ reservation }) => reservation),
  );
  const made = wanted.filter(({ reservation }) => ids.has(reservation.id));
  uow.emit(...made.map(({ reservation, activity }) => purchaseEvent(reservation, activity)));
  await uow.writeEvents();
  return made;
}

/**
 * Takes the stock, an activity after the other in the order of their ids. Throws a conflict where one has too little,
 * is closed, or its window does not hold: then nobody knows it any more.
 */
async function take(
  uow: UnitOfWork,
  made: readonly Wanted[],
  known: KnownSales,
): Promise<readonly { readonly order: PurchaseOrder; readonly purchased: Purchased }[]> {
  const quantities = new Map<string, number>();
  for (const { reservation } of made) {
    quantities.set(reservation.activityId, (quantities.get(reservation.activityId) ?? 0) + reservation.quantity);
  }
  const left = new Map<string, number>();
  for (const [id, quantity] of [...quantities].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const free = await takeStock(uow, id, quantity);
    if (free === undefined) {
      known.forget(id);
      throw new StoreError("conflict");
    }
    uow.afterCommit(() => known.sold(id, free));
    left.set(id, free + quantity);
  }
  return made.map(({ order, reservation }) => {
    const remaining = (left.get(reservation.activityId) ?? 0) - reservation.quantity;
    left.set(reservation.activityId, remaining);
    return { order, purchased: { reservation, remaining } };
  });
}

function newReservation(
  order: PurchaseOrder,
  activity: ActivityRow,
  nowMs: number,
  paymentWindowMs: number,
): Omit<NewReservation, "orderNumber" | "lineNumber"> {
  return {
    id: newId("rsv_"),
    activityId: activity.id,
    productId: activity.productId,
    buyerId: order.buyerId,
    quantity: order.quantity,
    unitPrice: decimalText(fromMinor(BigInt(activity.priceMinor))),
    currency: activity.currency,
    orderId: newId("ord_"),
    externalOrderId: externalOrderId(uuidv7()),
    traceId: order.traceId,
    createdAt: nowMs,
    expiresAt: nowMs + paymentWindowMs,
  };
}
