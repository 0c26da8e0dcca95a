import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { SeckillOrderCreateSchema } from "@ordermesh/proto/ordermesh/events/v1/seckill_pb";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { type GroupCommit, groupCommit, type Outcome } from "@ordermesh/runtime/store/group-commit.ts";
import { newId, uuidv7 } from "@ordermesh/runtime/store/id.ts";
import { claimRefusal, type IdempotencyClaim } from "@ordermesh/runtime/store/idempotency.ts";
import type { OutboxEvent, UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import type { ActivityRow } from "../domain/activity.ts";
import { decimalText, fromMinor } from "../domain/decimal.ts";
import { orderErrors } from "../domain/order-errors.ts";
import { externalOrderId, purchaseRefusal } from "../domain/purchase.ts";
import { lockActivities, openSaleIds } from "./activity-store.ts";
import { type NewReservation, reserve, slotKey, takenSlots } from "./reservation-store.ts";

/** One buyer's wish; the numbers are the order's, taken before the transaction. */
export interface PurchaseOrder {
  /** The activity, or the product, whose open sale is meant. */
  readonly target: { readonly activityId: string } | { readonly productId: string };
  readonly buyerId: string;
  readonly quantity: number;
  readonly orderNumber: number;
  readonly lineNumber: number;
  readonly traceId: string;
  readonly claim: IdempotencyClaim | undefined;
}

/** A purchase that is made. */
export interface Purchased {
  readonly reservation: NewReservation;
  /** The sale it was made in. */
  readonly activity: ActivityRow;
  /** Free stock right after it. */
  readonly remaining: number;
}

/** A purchase made now, or the stored answer to the same request with the same Idempotency-Key. */
export type PurchaseResult = Purchased | { readonly stored: Uint8Array };

export interface PurchaseBatchOptions {
  readonly database: Database;
  /** An order that is not paid for so long expires (milliseconds). */
  readonly expireAfterMs: number;
  /** The answer as idempotency keys keep it. */
  encode(purchased: Purchased): Uint8Array;
}

/**
 * Commits the purchases that arrive together in one transaction: stock, reservation, event and idempotency row of
 * each, before any of them is answered. A caller who leaves after that began changes nothing.
 */
export function purchaseBatch(options: PurchaseBatchOptions): GroupCommit<PurchaseOrder, PurchaseResult> {
  return groupCommit({ database: options.database, run: (uow, orders) => purchaseAll(uow, orders, options) });
}

async function purchaseAll(
  uow: UnitOfWork,
  orders: readonly PurchaseOrder[],
  options: PurchaseBatchOptions,
): Promise<readonly Outcome<PurchaseResult>[]> {
  const known = await answeredBefore(uow, orders);
  const open = orders.filter((order) => !known.has(order));
  const activityIds = await activitiesOf(uow, open);
  const activities = await lockActivities(uow, [...activityIds.values()]);
  // After the locks: a window that ended while we waited has ended.
  const nowMs = await uow.now();
  const desk = new Desk(activities, await takenSlots(uow, slotsOf(open, activityIds)), nowMs, options.expireAfterMs);

  const made: { readonly order: PurchaseOrder; readonly purchased: Purchased }[] = [];
  const outcomes = orders.map((order): Outcome<PurchaseResult> => {
    const outcome = known.get(order);
    if (outcome !== undefined) return outcome;
    const decided = desk.decide(order, activityIds.get(order));
    if ("value" in decided) made.push({ order, purchased: decided.value });
    return decided;
  });

  await reserve(
    uow,
    made.map(({ purchased }) => purchased.reservation),
  );
  for (const { order, purchased } of made) {
    uow.emit(orderCreate(purchased));
    if (order.claim !== undefined) uow.recordAll([{ claim: order.claim, answer: options.encode(purchased) }]);
  }
  return outcomes;
}

/** Orders whose Idempotency-Key settles them. */
async function answeredBefore(
  uow: UnitOfWork,
  orders: readonly PurchaseOrder[],
): Promise<ReadonlyMap<PurchaseOrder, Outcome<PurchaseResult>>> {
  const known = new Map<PurchaseOrder, Outcome<PurchaseResult>>();
  const keyed = orders.flatMap((order) => (order.claim === undefined ? [] : [{ order, claim: order.claim }]));
  if (keyed.length === 0) return known;
  const states = await uow.claimAll(keyed.map(({ claim }) => claim));
  keyed.forEach(({ order }, index) => {
    const state = states[index];
    if (state === undefined || state.kind === "new") return;
    known.set(order, state.kind === "finished" ? { value: { stored: state.answer } } : { error: claimRefusal(state) });
  });
  return known;
}

async function activitiesOf(
  uow: UnitOfWork,
  orders: readonly PurchaseOrder[],
): Promise<ReadonlyMap<PurchaseOrder, string>> {
  const products = orders.flatMap(({ target }) => ("productId" in target ? [target.productId] : []));
  const sales = await openSaleIds(uow, products);
  const ids = new Map<PurchaseOrder, string>();
  for (const order of orders) {
    const { target } = order;
    const id = "activityId" in target ? target.activityId : sales.get(target.productId);
    if (id !== undefined) ids.set(order, id);
  }
  return ids;
}

function slotsOf(
  orders: readonly PurchaseOrder[],
  activityIds: ReadonlyMap<PurchaseOrder, string>,
): { readonly activityId: string; readonly buyerId: string }[] {
  return orders.flatMap((order) => {
    const activityId = activityIds.get(order);
    return activityId === undefined ? [] : [{ activityId, buyerId: order.buyerId }];
  });
}

/** Decides purchases one after the other, each seeing what those before it took. */
class Desk {
  readonly #activities: Map<string, ActivityRow>;
  readonly #taken: Set<string>;
  readonly #nowMs: number;
  readonly #expireAfterMs: number;

  constructor(activities: ReadonlyMap<string, ActivityRow>, taken: Set<string>, nowMs: number, expireAfterMs: number) {
    this.#activities = new Map(activities);
    this.#taken = taken;
    this.#nowMs = nowMs;
    this.#expireAfterMs = expireAfterMs;
  }

  decide(order: PurchaseOrder, activityId: string | undefined): Outcome<Purchased> {
    const activity = activityId === undefined ? undefined : this.#activities.get(activityId);
    if (activity === undefined) return { error: fail(orderErrors.ACTIVITY_NOT_FOUND) };
    const slot = slotKey({ activityId: activity.id, buyerId: order.buyerId });
    const refusal = purchaseRefusal(activity, order.quantity, { holds: this.#taken.has(slot), nowMs: this.#nowMs });
    if (refusal !== undefined) return { error: refusal };
    this.#taken.add(slot);
    const remaining = activity.free - order.quantity;
    this.#activities.set(activity.id, { ...activity, free: remaining });
    return { value: { reservation: this.#reservation(order, activity), activity, remaining } };
  }

  #reservation(order: PurchaseOrder, activity: ActivityRow): NewReservation {
    return {
      id: newId("rsv_"),
      activityId: activity.id,
      productId: activity.productId,
      buyerId: order.buyerId,
      quantity: order.quantity,
      unitPrice: decimalText(fromMinor(BigInt(activity.priceMinor))),
      currency: activity.currency,
      orderId: newId("ord_"),
      orderNumber: order.orderNumber,
      lineNumber: order.lineNumber,
      externalOrderId: externalOrderId(uuidv7()),
      traceId: order.traceId,
      createdAt: this.#nowMs,
      expiresAt: this.#nowMs + this.#expireAfterMs,
    };
  }
}

function orderCreate({ reservation, activity }: Purchased): OutboxEvent {
  const event = create(SeckillOrderCreateSchema, {
    orderId: reservation.orderId,
    orderNumber: BigInt(reservation.orderNumber),
    lineNumber: BigInt(reservation.lineNumber),
    externalOrderId: reservation.externalOrderId,
    reservationId: reservation.id,
    activityId: reservation.activityId,
    productId: reservation.productId,
    productName: activity.productName,
    buyerId: reservation.buyerId,
    quantity: BigInt(reservation.quantity),
    unitPrice: { currency: reservation.currency, minorUnits: BigInt(activity.priceMinor) },
    traceId: reservation.traceId,
    createdAt: timestampFromMs(reservation.createdAt),
    expiresAt: timestampFromMs(reservation.expiresAt),
  });
  return {
    subject: "seckill.order.create",
    data: toBinary(SeckillOrderCreateSchema, event),
    headers: { "content-type": "application/x-protobuf" },
  };
}
