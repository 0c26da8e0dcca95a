import { expectCounts, openStore, type Place } from "../../machine/order-store.ts";
import { totals } from "./messages.ts";

/** Throws unless every message became exactly one order with all that belongs to it. */
export async function verifyDrained(place: Place, count: number): Promise<void> {
  const database = await openStore(place);
  try {
    const { units, minor } = totals(count);
    await expectCounts(database, [
      ["orders", "count(*) as n from orders", count],
      ["their sum", "sum(total_minor) as n from orders", minor],
      ["lines", "count(*) as n from order_lines", count],
      ["history", "count(*) as n from order_history", count],
      ["buyers' slots", "count(distinct buyer_id) as n from reservations where live = 1", count],
      ["units held", "sum(quantity) as n from reservations", units],
      ["units reserved", "reserved as n from activities", units],
      ["units of the stock", "free + reserved + sold - total as n from activities", 0],
      ["orders in the statistics", "sum(total_orders) as n from daily_stats", count],
      ["sum in the statistics", "sum(total_minor) as n from daily_stats", minor],
    ]);
  } finally {
    await database.close();
  }
}
