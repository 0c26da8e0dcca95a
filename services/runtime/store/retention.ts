import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "../telemetry/logger.ts";
import { timeMs } from "./column.ts";
import type { Database } from "./database.ts";

/** What a table keeps and why; rows whose `column` is older go. */
export interface RetentionRule {
  readonly table: string;
  /** A time column with an index. */
  readonly column: string;
  readonly keepMs: number;
  readonly reason: string;
}

export interface Retention {
  /** Deletes all that is due; returns how many rows. */
  run(): Promise<number>;
  stop(): Promise<void>;
}

const dayMs = 86_400_000;

/**
 * Defaults of the shared tables. Outbox rows need no rule: they go when the bus has them, and none goes earlier.
 * Leases and sequences have a row for each name and do not grow.
 */
export function sharedRetention(
  database: Database,
  keep: { readonly inboxMs?: number; readonly idempotencyMs?: number } = {},
): readonly RetentionRule[] {
  return [
    {
      table: database.tables.inbox,
      column: "handled_at",
      keepMs: keep.inboxMs ?? 7 * dayMs,
      reason: "longer than a stream keeps a message that is delivered again",
    },
    {
      table: database.tables.idempotency,
      column: "created_at",
      keepMs: keep.idempotencyMs ?? dayMs,
      reason: "a client that repeats a request does so within minutes; a day covers a night's outage",
    },
  ];
}

/** Rows of one DELETE: short locks, and on SQLite a short block of the event loop. */
const chunkRows = 500;

/** Deletes old rows every `everyMs` (default ten minutes). Several processes may do it at once. */
export function startRetention(options: {
  readonly database: Database;
  readonly rules: readonly RetentionRule[];
  readonly log: Logger;
  readonly everyMs?: number;
}): Retention {
  const { database, rules, log, everyMs = 600_000 } = options;
  const stopping = new AbortController();

  async function run(): Promise<number> {
    let total = 0;
    for (const rule of rules) {
      let deleted = 0;
      for (let chunk = 1; chunk > 0 && !stopping.signal.aborted; deleted += chunk) {
        chunk = await deleteChunk(database, rule);
        // Requests first.
        await delay(5);
      }
      if (deleted > 0) log.info({ table: rule.table, deleted }, "old rows deleted");
      total += deleted;
    }
    return total;
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      // Spread, so that the processes of a service take turns.
      await delay(everyMs * (0.5 + Math.random()), undefined, { signal: stopping.signal, ref: false }).catch(
        () => undefined,
      );
      if (stopping.signal.aborted) return;
      await run().catch((error: unknown) =>
        log.warn({ err: error }, "old rows could not be deleted; trying again later"),
      );
    }
  }

  const looping = loop();
  return {
    run,
    stop: async () => {
      stopping.abort();
      await looping;
    },
  };
}

/** Deletes the oldest rows that are due, at least one and about `chunkRows`. */
async function deleteChunk(database: Database, { table, column, keepMs }: RetentionRule): Promise<number> {
  const { now, addMs } = database.dialect;
  const due = `${column} < ${addMs(now, "?")}`;
  // Up to a time instead of LIMIT, which DELETE does not have everywhere.
  const [edge] = await database.read.all(
    `select ${column} as edge from ${table} where ${due} order by ${column} limit 1 offset ${chunkRows - 1}`,
    [-keepMs],
  );
  if (edge === undefined) {
    return (await database.read.run(`delete from ${table} where ${due}`, [-keepMs])).affected;
  }
  const until = database.dialect.time(timeMs(edge.edge));
  return (await database.read.run(`delete from ${table} where ${column} <= ?`, [until])).affected;
}
