import type { ConnectError } from "@connectrpc/connect";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { ActivityRow } from "./activity.ts";
import { orderErrors } from "./order-errors.ts";
import { purchaseRefusal } from "./purchase.ts";

/** The activity, or the product, whose open sale is meant. */
export type PurchaseTarget = { readonly activityId: string } | { readonly productId: string };

export interface PurchaseWish {
  readonly target: PurchaseTarget;
  readonly buyerId: string;
  readonly quantity: number;
}

/** The activities that wishes may mean, at one moment. */
export interface Sales {
  readonly byId: ReadonlyMap<string, ActivityRow>;
  /** Those that are open. */
  readonly byProduct: ReadonlyMap<string, ActivityRow>;
  /** On the database clock (epoch milliseconds). */
  readonly nowMs: number;
}

export interface PurchaseDecision<W> {
  readonly accepted: readonly { readonly wish: W; readonly activity: ActivityRow }[];
  readonly refused: ReadonlyMap<W, ConnectError>;
}

/** A buyer's place in an activity, of which there is one. */
export interface Slot {
  readonly activityId: string;
  readonly buyerId: string;
}

export function slotKey({ activityId, buyerId }: Slot): string {
  return `${activityId}\n${buyerId}`;
}

export function saleOf({ byId, byProduct }: Sales, target: PurchaseTarget): ActivityRow | undefined {
  return "activityId" in target ? byId.get(target.activityId) : byProduct.get(target.productId);
}

/** Decides wishes one after the other, each seeing what those before it took; `taken` has the slots that are held. */
export function decidePurchases<W extends PurchaseWish>(
  wishes: readonly W[],
  sales: Sales,
  taken: ReadonlySet<string>,
): PurchaseDecision<W> {
  const held = new Set(taken);
  const free = new Map<string, number>();
  const accepted: { readonly wish: W; readonly activity: ActivityRow }[] = [];
  const refused = new Map<W, ConnectError>();
  for (const wish of wishes) {
    const activity = saleOf(sales, wish.target);
    if (activity === undefined) {
      refused.set(wish, fail(orderErrors.ACTIVITY_NOT_FOUND));
      continue;
    }
    const slot = slotKey({ activityId: activity.id, buyerId: wish.buyerId });
    const left = free.get(activity.id) ?? activity.free;
    const about = { holds: held.has(slot), nowMs: sales.nowMs, free: left };
    const refusal = purchaseRefusal(activity, wish.quantity, about);
    if (refusal !== undefined) {
      refused.set(wish, refusal);
      continue;
    }
    held.add(slot);
    free.set(activity.id, left - wish.quantity);
    accepted.push({ wish, activity });
  }
  return { accepted, refused };
}
