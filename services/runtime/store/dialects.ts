import type { Dialect } from "./sql.ts";

const firstTime = Date.UTC(1000, 0, 1);
const lastTime = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Texts of the latest instants: rows that are written together mostly share a few. */
const knownTimes = new Map<number, string>();
const mostKnownTimes = 64;

/** `YYYY-MM-DD HH:MM:SS.SSS` of an instant, UTC. */
function timeText(epochMs: number): string {
  const known = knownTimes.get(epochMs);
  if (known !== undefined) return known;
  if (!(epochMs >= firstTime && epochMs <= lastTime)) {
    throw new RangeError(`${epochMs} ms is outside the years 1000 to 9999 that every database stores`);
  }
  const iso = new Date(epochMs).toISOString();
  const text = `${iso.slice(0, 10)} ${iso.slice(11, 23)}`;
  if (knownTimes.size === mostKnownTimes) knownTimes.clear();
  knownTimes.set(epochMs, text);
  return text;
}

function onConflictSkip(_table: string, columns: readonly string[]): string {
  return ` on conflict (${columns.join(", ")}) do nothing`;
}

function onConflictSet(columns: readonly string[], set: readonly string[]): string {
  return ` on conflict (${columns.join(", ")}) do update set ${set.map((name) => `${name} = excluded.${name}`).join(", ")}`;
}

// The format that Sequelize writes, so that models and hot statements read each other's rows.
const sqliteTimeFormat = "'%Y-%m-%d %H:%M:%f +00:00'";

export const sqliteDialect: Dialect = {
  name: "sqlite",
  product: "sqlite",
  now: `strftime(${sqliteTimeFormat}, 'now')`,
  // Who writes has the database to himself and waits for nobody.
  clock: `strftime(${sqliteTimeFormat}, 'now')`,
  forUpdate: "",
  skipLocked: "",
  time: (epochMs) => `${timeText(epochMs)} +00:00`,
  addMs: (expr, ms) => `strftime(${sqliteTimeFormat}, ${expr}, printf('%+.3f seconds', (${ms}) / 1000.0))`,
  onDuplicateSkip: onConflictSkip,
  onDuplicateSet: onConflictSet,
};

/** One for each database: what is learnt of a database is kept by its dialect. */
export function postgresDialect(): Dialect {
  return {
    name: "postgres",
    product: "postgres",
    now: "date_trunc('milliseconds', statement_timestamp())",
    clock: "date_trunc('milliseconds', clock_timestamp())",
    forUpdate: " for update",
    skipLocked: " for update skip locked",
    time: (epochMs) => `${timeText(epochMs)}+00`,
    addMs: (expr, ms) => `(${expr} + (${ms})::double precision * interval '1 millisecond')`,
    onDuplicateSkip: onConflictSkip,
    onDuplicateSet: onConflictSet,
  };
}

/** `version` is what `select version()` says. */
export function mysqlDialect(version: string): Dialect {
  const product = /mariadb/i.test(version) ? "mariadb" : "mysql";
  // MySQL deprecates values() for a row alias, which MariaDB does not know.
  const onDuplicate = `${product === "mysql" ? " as new_row" : ""} on duplicate key update`;
  const given = (column: string) => (product === "mysql" ? `new_row.${column}` : `values(${column})`);
  return {
    name: "mysql",
    product,
    now: "utc_timestamp(3)",
    // In the session's zone, which is UTC.
    clock: "sysdate(3)",
    forUpdate: " for update",
    skipLocked: " for update skip locked",
    time: timeText,
    addMs: (expr, ms) => `(${expr} + interval (${ms}) * 1000 microsecond)`,
    // ON DUPLICATE KEY fires for every unique key. Where it was another one than ours, the NULL is refused
    // by the NOT NULL column, so that the violation shows instead of being skipped.
    onDuplicateSkip: (table, columns) => {
      const same = columns.map((name) => `${table}.${name} <=> ${given(name)}`).join(" and ");
      return `${onDuplicate} ${columns[0]} = if(${same}, ${table}.${columns[0]}, null)`;
    },
    onDuplicateSet: (_columns, set) => `${onDuplicate} ${set.map((name) => `${name} = ${given(name)}`).join(", ")}`,
  };
}
