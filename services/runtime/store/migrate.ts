import { Umzug } from "umzug";
import { StartupError } from "../lifecycle/startup-error.ts";
import type { Logger } from "../telemetry/logger.ts";
import { text } from "./column.ts";
import type { Database } from "./database.ts";
import { addColumn, columnTypes, createTable } from "./ddl.ts";
import type { MigrationSession } from "./engines/engine.ts";
import type { Migration, MigrationContext } from "./migration.ts";
import { sharedTableMigrations } from "./shared-tables.ts";
import type { Sql } from "./sql.ts";
import { storeStartupError } from "./startup-failure.ts";

/** One table for all services of a database; names are `<service>/<migration>`. */
const migrationsTable = "schema_migrations";

/**
 * - `half`: it began and never ended, which only MySQL can leave behind: its DDL commits statement by statement.
 * - `unknown`: applied by a release newer than this one.
 */
export type MigrationState = "applied" | "pending" | "half" | "unknown";

export interface MigrationStatus {
  readonly name: string;
  readonly state: MigrationState;
}

export interface MigratorOptions {
  /** Longest wait for another process that migrates (milliseconds). Default 60000: it may be filling an index. */
  readonly lockWaitMs?: number;
}

export interface Migrator {
  /** Applies what is pending, or up to and including `to`; returns the names. One process at a time does it. */
  up(to?: string): Promise<string[]>;
  /** Reverts the last `steps` (default 1), latest first; returns the names. */
  down(steps?: number): Promise<string[]>;
  /** Every migration of this service, known or applied. Changes nothing. */
  status(): Promise<MigrationStatus[]>;
  /** Throws StartupError unless exactly the known migrations are applied. Changes nothing. */
  assertCurrent(): Promise<void>;
}

/**
 * Migrations of one service, the shared tables' first. Every method throws StartupError, saying what to do, when the
 * schema is newer than this code or half migrated, and when the database is locked, read-only or full; nothing was
 * changed then, or (not on MySQL) everything was undone.
 */
export function migrator(
  database: Database,
  own: readonly Migration[],
  log: Logger,
  { lockWaitMs = 60_000 }: MigratorOptions = {},
): Migrator {
  const service = database.service;
  const prefix = `${service}/`;
  const migrations = [...sharedTableMigrations(service), ...own];
  const names = migrations.map(({ name }) => prefix + name);
  const what = `the schema of service ${service}`;

  async function locked<T>(work: (umzug: Umzug<MigrationSession>) => Promise<T>): Promise<T> {
    try {
      return await database.migrate(lockWaitMs, async (session) => {
        const current = await statusOf(session.sql, names, prefix);
        refuseNewer(current, what);
        refuseHalf(current, what);
        await session.sql.run(createMigrationsTable(session.sql));
        return await work(umzugOver(database, session, migrations, prefix, log));
      });
    } catch (error) {
      throw storeStartupError(error, `migrate ${what}`);
    }
  }

  async function status(): Promise<MigrationStatus[]> {
    try {
      return await statusOf(database.read, names, prefix);
    } catch (error) {
      throw storeStartupError(error, `migrate ${what}`);
    }
  }

  return {
    status,
    up: async (to) => {
      const before = await status();
      if (before.every(({ state }) => state === "applied")) return [];
      refuseNewer(before, what);
      return await locked(async (umzug) => {
        const done = await umzug.up(to === undefined ? {} : { to: prefix + to });
        return done.map(({ name }) => name);
      });
    },
    down: (steps = 1) => locked(async (umzug) => (await umzug.down({ step: steps })).map(({ name }) => name)),
    assertCurrent: async () => {
      const all = await status();
      refuseNewer(all, what);
      refuseHalf(all, what);
      const pending = all.filter(({ state }) => state === "pending").length;
      if (pending > 0) throw new StartupError(`${what} lacks ${pending} migrations`, "run npm run migrate up");
    },
  };
}

function refuseNewer(all: readonly MigrationStatus[], what: string): void {
  const unknown = all.find(({ state }) => state === "unknown");
  if (unknown !== undefined) {
    throw new StartupError(
      `${what} is newer than this program (${unknown.name})`,
      "start the newer release, or migrate down with it first",
    );
  }
}

/** Not before taking the migration lock: `half` may be another process's work in progress. */
function refuseHalf(all: readonly MigrationStatus[], what: string): void {
  const half = all.find(({ state }) => state === "half");
  if (half !== undefined) {
    throw new StartupError(
      `${what} is half migrated (${half.name} never ended)`,
      `restore the backup, or undo what it did by hand and delete its row from ${migrationsTable}`,
    );
  }
}

async function statusOf(sql: Sql, names: readonly string[], prefix: string): Promise<MigrationStatus[]> {
  const applied = new Map<string, string>();
  if (await tableExists(sql, migrationsTable)) {
    for (const row of await sql.all(`select name, state from ${migrationsTable} order by name`)) {
      const name = text(row.name);
      if (name.startsWith(prefix)) applied.set(name, text(row.state));
    }
  }
  const known = names.map((name): MigrationStatus => {
    const state = applied.get(name);
    return { name, state: state === undefined ? "pending" : state === "done" ? "applied" : "half" };
  });
  const unknown = [...applied.keys()].filter((name) => !names.includes(name));
  return [...known, ...unknown.map((name): MigrationStatus => ({ name, state: "unknown" }))];
}

async function tableExists(sql: Sql, table: string): Promise<boolean> {
  const query = {
    sqlite: "select 1 as found from sqlite_schema where type = 'table' and name = ?",
    mysql: "select 1 as found from information_schema.tables where table_schema = database() and table_name = ?",
    postgres: "select 1 as found where to_regclass(?) is not null",
  }[sql.dialect.name];
  return (await sql.all(query, [table])).length > 0;
}

function createMigrationsTable(sql: Sql): string {
  const types = columnTypes(sql.dialect);
  // By hand: it is the one table that may exist already.
  return `create table if not exists ${migrationsTable} (
    name ${sql.dialect.name === "sqlite" ? "text" : types.text(200)} not null primary key,
    state ${sql.dialect.name === "sqlite" ? "text" : types.text(10)} not null,
    changed_at ${types.time} not null
  )`;
}

/**
 * Umzug decides what runs in which order. Each migration's row is written in two steps around it, on the same
 * connection: where DDL is transactional they commit together, on MySQL a crash between them leaves it `half`.
 */
function umzugOver(
  database: Database,
  session: MigrationSession,
  migrations: readonly Migration[],
  prefix: string,
  log: Logger,
): Umzug<MigrationSession> {
  const { sql } = session;
  const context: MigrationContext = {
    sql,
    dialect: sql.dialect,
    types: columnTypes(sql.dialect),
    createTable: (name, body) => createTable(sql, name, body),
    addColumn: (table, definition) => addColumn(sql, table, definition),
    queryInterface: database.sequelize.getQueryInterface(),
    transaction: session.transaction,
  };
  const mark = (name: string, state: string) =>
    sql.run(
      `insert into ${migrationsTable} (name, state, changed_at) values (?, ?, ${sql.dialect.now})` +
        sql.dialect.onDuplicateSet(["name"], ["state", "changed_at"]),
      [name, state],
    );
  return new Umzug<MigrationSession>({
    migrations: migrations.map((migration) => {
      const name = prefix + migration.name;
      return {
        name,
        up: async () => {
          await mark(name, "applying");
          await migration.up(context);
          await mark(name, "done");
          log.info({ migration: name }, "migrated");
        },
        down: async () => {
          await mark(name, "reverting");
          await migration.down(context);
          await sql.run(`delete from ${migrationsTable} where name = ?`, [name]);
          log.info({ migration: name }, "migration reverted");
        },
      };
    }),
    context: session,
    storage: {
      executed: async () => (await statusOf(sql, [], prefix)).map(({ name }) => name),
      // Written with the migration itself, see above.
      logMigration: async () => undefined,
      unlogMigration: async () => undefined,
    },
    logger: undefined,
  });
}
