import { join } from "node:path";
import type { Logger } from "../telemetry/logger.ts";
import type { TlsIdentity } from "../tls/identity.ts";
import { parseDatabaseUrl } from "./address.ts";
import type { Database } from "./database.ts";
import type { Engine, EngineOptions } from "./engines/engine.ts";
import { openSqlite } from "./engines/sqlite.ts";
import { InFlight } from "./idempotency.ts";
import type { StoredEvent } from "./outbox-table.ts";
import { sharedTables } from "./shared-tables.ts";
import type { Sql } from "./sql.ts";
import { storeStartupError } from "./startup-failure.ts";
import { StoreError, toCallError } from "./store-error.ts";
import { Transactions } from "./transact.ts";

export interface DatabaseOptions {
  /** Names the SQLite file and prefixes the shared tables: lower case, digits, `_`. */
  readonly service: string;
  /** `mysql://`, `mariadb://` or `postgres://` (see `parseDatabaseUrl`); undefined is SQLite. */
  readonly url: string | undefined;
  /** Where the SQLite file goes: `<dataDir>/<service>.sqlite`. */
  readonly dataDir: string;
  readonly log: Logger;
  /** Connections to a server. Default 10: transactions are short, and a server's limit is shared by all processes. */
  readonly poolSize?: number;
  /**
   * Longest that a statement, a connection attempt or the wait for a pooled connection takes (milliseconds). Default
   * 10000. MySQL bounds only SELECT, MariaDB and PostgreSQL all statements; SQLite cannot be interrupted: bound rows.
   */
  readonly statementTimeoutMs?: number;
  /** Longest wait for a lock (milliseconds; MySQL rounds up to seconds). Default 3000, then it counts as a conflict. */
  readonly lockTimeoutMs?: number;
  /** Connections are TLS: they show this certificate, and the server needs one for the URL's host. As of each connection's start. */
  readonly tls?: TlsIdentity;
}

/** Opens the service's database; throws StartupError, saying what to do, when that fails. Runs no migrations. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { service, log } = options;
  if (!/^[a-z][a-z0-9_]{0,30}$/.test(service)) throw new Error(`${service} cannot prefix table names`);
  const engineOptions: EngineOptions = {
    poolSize: options.poolSize ?? 10,
    statementTimeoutMs: options.statementTimeoutMs ?? 10_000,
    lockTimeoutMs: options.lockTimeoutMs ?? 3000,
    applicationName: `ordermesh ${service}`,
  };
  const engine = await openEngine(options, engineOptions);
  const tables = sharedTables(service);
  const listeners = new Set<(events: readonly StoredEvent[]) => void>();
  const transactions = new Transactions(
    engine,
    { dialect: engine.dialect, tables, inFlight: new InFlight() },
    {
      log,
      // Time for two lock timeouts, or several deadlocks (which PostgreSQL finds after a second).
      retryForMs: engineOptions.lockTimeoutMs * 2,
      onEvents: (events) => {
        for (const listener of listeners) listener(events);
      },
    },
  );
  let closing: Promise<void> | undefined;
  return {
    service,
    dialect: engine.dialect,
    tables,
    sequelize: engine.sequelize,
    read: withCallErrors(engine.read, () => transactions.refuseInside()),
    transact: (work, transactOptions) => transactions.transact(work, transactOptions),
    onEvents: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    migrate: (waitMs, work) => engine.migrate(waitMs, work),
    check: async () => {
      try {
        await engine.read.all("select 1 as one");
        return undefined;
      } catch (error) {
        log.warn({ err: error }, "the database does not answer");
        return error instanceof StoreError ? `the database does not answer (${error.kind})` : "the database is closed";
      }
    },
    close: () => {
      closing ??= engine.close();
      return closing;
    },
  };
}

async function openEngine(options: DatabaseOptions, engineOptions: EngineOptions): Promise<Engine> {
  if (options.url === undefined) {
    const file = join(options.dataDir, `${options.service}.sqlite`);
    try {
      return await openSqlite(file, engineOptions);
    } catch (error) {
      throw storeStartupError(error, `open the database file ${file}`);
    }
  }
  const address = parseDatabaseUrl(options.url);
  const where = `open the database ${address.database} at ${address.host}:${address.port}`;
  const { tls: identity } = options;
  const { tls: fromUrl } = address;
  const tls: EngineOptions["tls"] =
    identity === undefined ? fromUrl && (() => fromUrl) : () => ({ rejectUnauthorized: true, ...identity.current });
  try {
    // Drivers are loaded where they are used: an embedded instance is to stay small.
    const open =
      address.kind === "mysql"
        ? (await import("./engines/mysql.ts")).openMysql
        : (await import("./engines/postgres.ts")).openPostgres;
    return await open(address, { ...engineOptions, ...(tls && { tls }) });
  } catch (error) {
    throw storeStartupError(error, where);
  }
}

/** Handlers get ConnectErrors for a database that does not answer. */
function withCallErrors(sql: Sql, beforeRun: () => void): Sql {
  return {
    dialect: sql.dialect,
    all: async (text, params, options) => {
      try {
        return await sql.all(text, params, options);
      } catch (error) {
        throw toCallError(error);
      }
    },
    values: async (text, params, options) => {
      try {
        return await sql.values(text, params, options);
      } catch (error) {
        throw toCallError(error);
      }
    },
    run: async (text, params, options) => {
      beforeRun();
      try {
        return await sql.run(text, params, options);
      } catch (error) {
        throw toCallError(error);
      }
    },
  };
}
