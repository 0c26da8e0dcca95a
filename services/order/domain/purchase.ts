import type { ConnectError } from "@connectrpc/connect";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { type ActivityRow, activityStates } from "./activity.ts";
import { orderErrors } from "./order-errors.ts";
import { mostTotalMinor } from "./order-intake.ts";

/** An order may be paid for so long, by default (milliseconds; docs/contracts/minishop.md 3.2). */
export const defaultPaymentWindowMs = 30 * 60_000;

/** Numbers of `ordermesh.order.v1.ReservationState`, as the column has them. */
export const reservationStates = { reserved: 1, sold: 2, released: 3 } as const;

/** Why an activity sells nothing at this time, or undefined. */
function saleRefusal(activity: ActivityRow, nowMs: number): ConnectError | undefined {
  if (activity.state === activityStates.draft) return fail(orderErrors.ACTIVITY_NOT_FOUND);
  if (activity.state === activityStates.closed) return fail(orderErrors.SALE_ENDED);
  if (activity.startsAt !== null && nowMs < activity.startsAt) return fail(orderErrors.SALE_NOT_STARTED);
  if (activity.endsAt !== null && nowMs >= activity.endsAt) return fail(orderErrors.SALE_ENDED);
  return undefined;
}

/**
 * Why a purchase is refused, or undefined. In the order of the legacy script (contracts/minishop.md 6.2), after the
 * window check that it lacked. `holds`: the buyer has a live reservation in this activity; `free`: units left.
 */
export function purchaseRefusal(
  activity: ActivityRow,
  quantity: number,
  { holds, nowMs, free }: { readonly holds: boolean; readonly nowMs: number; readonly free: number },
): ConnectError | undefined {
  const refusal = saleRefusal(activity, nowMs);
  if (refusal !== undefined) return refusal;
  if (holds) return fail(orderErrors.ALREADY_PURCHASED);
  if (activity.perUserLimit > 0 && quantity > activity.perUserLimit) {
    return fail(orderErrors.PURCHASE_LIMIT, { metadata: { limit: String(activity.perUserLimit) } });
  }
  if (quantity > free) return fail(orderErrors.OUT_OF_STOCK);
  if (BigInt(quantity) * BigInt(activity.priceMinor) > mostTotalMinor) return fail(orderErrors.TOTAL_TOO_LARGE);
  return undefined;
}

/** What legacy clients are told as the order's id: `SK` and the 32 hex digits of a UUIDv7. */
export function externalOrderId(uuid: string): string {
  return `SK${uuid.replaceAll("-", "")}`;
}
