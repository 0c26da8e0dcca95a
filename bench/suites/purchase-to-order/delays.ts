import { Histogram } from "../../load/histogram.ts";

/** When something happened to an order (epoch milliseconds). */
export type Moment = readonly [orderId: string, at: number];

/**
 * From each yes to the first sight of its order. One that stood before its buyer heard yes took no time.
 * Throws when an order was never seen.
 */
export function delays(yes: readonly Moment[], seen: readonly Moment[]): Histogram {
  const seenAt = new Map(seen);
  const histogram = new Histogram();
  for (const [orderId, at] of yes) {
    const stoodAt = seenAt.get(orderId);
    if (stoodAt === undefined) throw new Error(`order ${orderId} was never seen`);
    histogram.record((stoodAt - at) * 1000);
  }
  return histogram;
}
