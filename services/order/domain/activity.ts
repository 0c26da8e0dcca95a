import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { orderErrors } from "./order-errors.ts";

/** Numbers of `ordermesh.order.v1.ActivityState`, as the column has them. */
export const activityStates = { draft: 1, open: 2, closed: 3 } as const;

/** One sale of one product. Times are epoch milliseconds; the price is of one unit, in minor units. */
export interface ActivityRow {
  readonly id: string;
  readonly productId: string;
  readonly productName: string;
  readonly currency: string;
  readonly priceMinor: number;
  readonly total: number;
  readonly free: number;
  readonly reserved: number;
  readonly sold: number;
  /** Units that one buyer may take; 0: no cap beside the stock. */
  readonly perUserLimit: number;
  /** Inclusive; null: open-ended. */
  readonly startsAt: number | null;
  /** Exclusive; null: open-ended. */
  readonly endsAt: number | null;
  readonly state: number;
  readonly openedAt: number | null;
  readonly closedAt: number | null;
  readonly label: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What the maker of an activity decides. */
export type ActivityTerms = Pick<
  ActivityRow,
  "productId" | "productName" | "currency" | "priceMinor" | "total" | "perUserLimit" | "startsAt" | "endsAt" | "label"
>;

/** Throws ACTIVITY_WINDOW when a window ends before or as it starts: it would sell nothing. */
export function checkWindow(startsAt: number | null, endsAt: number | null): void {
  if (startsAt !== null && endsAt !== null && endsAt <= startsAt) throw fail(orderErrors.ACTIVITY_WINDOW);
}

/** Whether a second prewarm asks for the sale that is open: then it changes nothing and is no conflict. */
export function sameTerms(a: ActivityTerms, b: ActivityTerms): boolean {
  return (
    a.productId === b.productId &&
    a.productName === b.productName &&
    a.currency === b.currency &&
    a.priceMinor === b.priceMinor &&
    a.total === b.total &&
    a.perUserLimit === b.perUserLimit &&
    a.startsAt === b.startsAt &&
    a.endsAt === b.endsAt &&
    a.label === b.label
  );
}
