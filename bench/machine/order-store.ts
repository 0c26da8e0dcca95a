import { orderMigrations } from "@ordermesh/order/store/migrations/index.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { migrator } from "@ordermesh/runtime/store/migrate.ts";
import { openDatabase } from "@ordermesh/runtime/store/open-database.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";
import type { Bench } from "../bench.ts";
import type { Component } from "./components.ts";
import { freshDatabase } from "./fresh-database.ts";

export const databases = ["mariadb", "postgres", "sqlite"] as const;
export type DatabaseKind = (typeof databases)[number];

/** Where a contender keeps its orders; without a URL it is SQLite, in the directory. */
export interface Place {
  readonly url: string | undefined;
  readonly directory: string;
}

export const log = createLogger({ service: "bench", level: "warn" });

/** An empty place on the server, or without one for SQLite. */
export async function newPlace(bench: Bench, server: Component | undefined): Promise<Place> {
  return { url: server === undefined ? undefined : await freshDatabase(server), directory: bench.directory("orders") };
}

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

/** Throws at the first of the selects (of one number `n`) that finds another number. */
export async function expectCounts(
  database: Database,
  expected: readonly (readonly [what: string, select: string, value: number])[],
): Promise<void> {
  for (const [what, select, value] of expected) {
    const [row] = await database.read.all(`select ${select}`);
    const found = Number(row?.n);
    if (found !== value) throw new Error(`${what}: ${found} instead of ${value}`);
  }
}
