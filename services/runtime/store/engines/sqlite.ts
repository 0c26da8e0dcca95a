import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { Sequelize, Transaction } from "sequelize";
import { sqliteDialect } from "../dialects.ts";
import { Mutex } from "../mutex.ts";
import type { Sql } from "../sql.ts";
import { isStoreError, StoreError } from "../store-error.ts";
import type { Engine, EngineOptions, MigrationSession, Session } from "./engine.ts";
import { SqliteConnection } from "./sqlite-connection.ts";
import { type SqliteDialectModule, sqliteDialectModule } from "./sqlite-dialect-module.ts";
import { reads, SqliteSession } from "./sqlite-session.ts";

/** After this long without a turn of the event loop the next transaction waits for one (milliseconds). */
const longestBlock = 10;

/** The write-ahead log is copied into the file when it has about so many pages of 4 KiB (SQLite's default is 1000). */
const checkpointPages = 2000;
/** Most memory for pages of the writer connection. */
const cacheKiB = 32_768;

/**
 * One file: a writer connection that one transaction at a time holds, and a connection for reads, which see the last
 * commit (WAL). A commit is on disk before it is told (synchronous=FULL). Other processes may use the file too.
 */
export async function openSqlite(file: string, options: EngineOptions): Promise<Engine> {
  mkdirSync(dirname(file), { recursive: true });
  const writer = new SqliteConnection(file);
  try {
    const engine = new SqliteEngine(file, writer, options);
    await engine.prepare();
    return engine;
  } catch (error) {
    writer.close();
    throw error;
  }
}

class SqliteEngine implements Engine {
  readonly dialect = sqliteDialect;
  readonly sequelize: Sequelize;
  readonly read: Sql;
  readonly writer: SqliteConnection;
  readonly #options: EngineOptions;
  readonly #file: string;
  readonly #mutex = new Mutex();
  readonly #module: SqliteDialectModule;
  #reader: SqliteConnection | undefined;
  #lastTurn = 0;

  constructor(file: string, writer: SqliteConnection, options: EngineOptions) {
    this.#file = file;
    this.writer = writer;
    this.#options = options;
    this.#module = sqliteDialectModule(this);
    this.sequelize = new Sequelize({
      dialect: "sqlite",
      dialectModule: this.#module,
      storage: file,
      logging: false,
    });
    this.read = {
      dialect: sqliteDialect,
      all: (sql, params = [], statement) =>
        reads(sql)
          ? this.#patiently(() => this.reader.all(sql, params, statement?.once ?? false))
          : this.#alone(() => this.writer.all(sql, params, statement?.once ?? false)),
      values: (sql, params = [], statement) =>
        reads(sql)
          ? this.#patiently(() => this.reader.values(sql, params, statement?.once ?? false))
          : this.#alone(() => this.writer.values(sql, params, statement?.once ?? false)),
      run: (sql, params = [], statement) =>
        this.#alone(() => ({ affected: this.writer.run(sql, params, statement?.once ?? false) })),
    };
  }

  async prepare(): Promise<void> {
    await this.#patiently(() => this.writer.exec("pragma journal_mode = wal; pragma synchronous = full"));
    // Pages that many transactions change are copied back less often, and the indexes' upper levels stay in memory.
    this.writer.exec(`pragma wal_autocheckpoint = ${checkpointPages}; pragma cache_size = -${cacheKiB}`);
    // Reading the header now tells a foreign or damaged file at the start and not at the first request.
    await this.#patiently(() => this.writer.all("select count(*) from sqlite_schema", [], true));
    this.#reader = new SqliteConnection(this.#file);
    this.#reader.exec("pragma query_only = on");
  }

  get reader(): SqliteConnection {
    if (this.#reader === undefined) throw new StoreError("unavailable", { cause: new Error("not open") });
    return this.#reader;
  }

  async begin(): Promise<SqliteSession> {
    return new SqliteSession(this.writer, await this.#lock(this.#options.lockTimeoutMs));
  }

  async migrate<T>(waitMs: number, work: (session: MigrationSession) => Promise<T>): Promise<T> {
    const release = await this.#lock(waitMs);
    const session = new SqliteSession(this.writer, release);
    const transaction = new Transaction(this.sequelize, {});
    // Sequelize runs a query that names a transaction on that transaction's `connection`.
    Object.assign(transaction, { connection: this.#module.holding() });
    try {
      const result = await work({ sql: { dialect: sqliteDialect, ...methods(session) }, transaction });
      await session.commit();
      return result;
    } catch (error) {
      await session.rollback();
      throw error;
    }
  }

  async close(): Promise<void> {
    const release = await this.#mutex.acquire(this.#options.statementTimeoutMs);
    await this.sequelize.close();
    this.#reader?.close();
    this.writer.close();
    release?.();
  }

  /** Begins a transaction on the writer connection as its only user; the function returned gives the turn back. */
  async #lock(waitMs: number): Promise<() => void> {
    const release = await this.#mutex.acquire(waitMs);
    if (release === undefined) throw new StoreError("conflict");
    try {
      // A queue of short transactions would otherwise run on promises alone and starve timers and sockets.
      if (performance.now() - this.#lastTurn > longestBlock) {
        await nextTurn();
        this.#lastTurn = performance.now();
      }
      await this.#patiently(() => this.writer.exec("begin immediate"), waitMs);
      return release;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Tries again, without blocking the event loop, while another process holds the file. */
  async #patiently<T>(statement: () => T, waitMs = this.#options.lockTimeoutMs): Promise<T> {
    const until = performance.now() + waitMs;
    for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
      try {
        return statement();
      } catch (error) {
        if (!isStoreError(error, "conflict") || performance.now() + pause > until) throw error;
        await delay(pause * (0.5 + Math.random()));
      }
    }
  }

  /** A statement of its own transaction on the writer connection. */
  async #alone<T>(statement: () => T): Promise<T> {
    const session = await this.begin();
    try {
      const result = statement();
      await session.commit();
      return result;
    } catch (error) {
      await session.rollback();
      throw error;
    }
  }
}

function methods(session: Session): Pick<Sql, "all" | "values" | "run"> {
  return { all: session.all.bind(session), values: session.values.bind(session), run: session.run.bind(session) };
}
