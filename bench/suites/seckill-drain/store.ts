import { orderMigrations } from "@ordermesh/order/store/migrations/index.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { migrator } from "@ordermesh/runtime/store/migrate.ts";
import { openDatabase } from "@ordermesh/runtime/store/open-database.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";
import { totals } from "./messages.ts";

/** Where a contender keeps its orders; without a URL it is SQLite. */
export interface Place {
  readonly url: string | undefined;
  readonly directory: string;
}

export const log = createLogger({ service: "bench", level: "warn" });

/** The order service's database at this place, migrated. */
export async function openStore({ url, directory }: Place, poolSize?: number): Promise<Database> {
  const size = poolSize === undefined ? {} : { poolSize };
  const database = await openDatabase({ service: "order", url, dataDir: directory, log, ...size });
  await migrator(database, orderMigrations, log).up();
  return database;
}

/** Orders that stand, told by the statistics of their transactions: a cheap question while they are made. */
export async function countOrders(database: Database): Promise<number> {
  const [row] = await database.read.all("select sum(total_orders) as n from daily_stats");
  return Number(row?.n ?? 0);
}

/** Throws unless every message became exactly one order with all that belongs to it. */
export async function verifyDrained(place: Place, count: number): Promise<void> {
  const database = await openStore(place);
  try {
    const number = async (sql: string) => Number((await database.read.all(`select ${sql}`))[0]?.n);
    const { units, minor } = totals(count);
    const expected: readonly (readonly [what: string, sql: string, value: number])[] = [
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
    ];
    for (const [what, sql, value] of expected) {
      const found = await number(sql);
      if (found !== value) throw new Error(`${what}: ${found} instead of ${value}`);
    }
  } finally {
    await database.close();
  }
}
