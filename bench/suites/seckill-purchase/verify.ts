import type { Database } from "@ordermesh/runtime/store/database.ts";
import { expectCounts } from "../../machine/order-store.ts";

/** An open sale, and the orders of those who heard yes. */
export interface Sale {
  readonly activityId: string;
  readonly total: number;
  readonly orders: string[];
}

/** Price of a unit. */
const minor = 1250;

/** Throws unless each yes, and nothing else, has its unit of the stock, its reservation, its order and all of that. */
export async function verifySales(database: Database, sales: readonly Sale[]): Promise<void> {
  for (const { activityId, total, orders } of sales) {
    const count = orders.length;
    const activity = `from activities where id = '${activityId}'`;
    const ofActivity = `where activity_id = '${activityId}'`;
    const reservedOrders = "orders o join reservations r on r.order_id = o.id and r.id = o.reservation_id";
    const ofBuyer = `where o.activity_id = '${activityId}' and o.buyer_id = r.buyer_id`;
    await expectCounts(database, [
      ["units of the stock", `free + reserved + sold as n ${activity}`, total],
      ["units reserved", `reserved as n ${activity}`, count],
      ["units sold", `sold as n ${activity}`, 0],
      ["reservations", `count(*) as n from reservations ${ofActivity}`, count],
      ["units held", `coalesce(sum(quantity), 0) as n from reservations ${ofActivity} and live = 1`, count],
      ["buyers with a slot", `count(distinct buyer_id) as n from reservations ${ofActivity} and live = 1`, count],
      ["orders", `count(*) as n from orders ${ofActivity}`, count],
      ["orders with their reservation", `count(*) as n from ${reservedOrders} ${ofBuyer}`, count],
    ]);
    await expectOrders(database, activityId, orders);
  }
  const count = sales.reduce((sum, { orders }) => sum + orders.length, 0);
  await expectCounts(database, [
    ["orders of all sales", "count(*) as n from orders", count],
    ["their sum", "coalesce(sum(total_minor), 0) as n from orders", count * minor],
    ["lines", "count(*) as n from order_lines", count],
    ["history", "count(*) as n from order_history", count],
    ["orders in the statistics", "coalesce(sum(total_orders), 0) as n from daily_stats", count],
    ["failures", "count(*) as n from failures", 0],
    ["events that wait", `count(*) as n from ${database.tables.outbox}`, 0],
  ]);
}

async function expectOrders(database: Database, activityId: string, told: readonly string[]): Promise<void> {
  const rows = await database.read.all("select id from orders where activity_id = ?", [activityId]);
  const stored = new Set(rows.map(({ id }) => String(id)));
  const distinct = new Set(told);
  if (distinct.size !== told.length)
    throw new Error(`${told.length - distinct.size} buyers were told of another's order`);
  const missing = told.find((id) => !stored.has(id));
  if (missing !== undefined) throw new Error(`a buyer was told of order ${missing}, which does not stand`);
}
