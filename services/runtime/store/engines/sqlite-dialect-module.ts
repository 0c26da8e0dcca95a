import type { SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import { sqliteError } from "../driver-errors.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";
import { reads, type SqliteSession } from "./sqlite-session.ts";

type Params = readonly SQLInputValue[] | Readonly<Record<string, SQLInputValue>>;
type Callback = (this: Statement, error: Error | null, rows?: Record<string, unknown>[]) => void;

/** What the shim needs of the engine. */
export interface SqliteConnections {
  readonly reader: SqliteConnection;
  readonly writer: SqliteConnection;
  /** Waits for the writer's turn and begins a transaction on it. */
  begin(): Promise<SqliteSession>;
}

/** `this` of a callback of the sqlite3 package; Sequelize looks at the class name. */
class Statement {
  readonly lastID: number;
  readonly changes: number;

  constructor(lastID: number, changes: number) {
    this.lastID = lastID;
    this.changes = changes;
  }
}

/**
 * What Sequelize uses of the `sqlite3` package, over the engine's own connections: reads go to the reader, writes take
 * the writer's turn, and a transaction of Sequelize holds it from BEGIN to its end like one of ours. So many
 * transactions queue where the package would fail with SQLITE_BUSY.
 */
export function sqliteDialectModule(engine: SqliteConnections): SqliteDialectModule {
  class Database {
    readonly filename: string;
    /** Set by Sequelize on a transaction's connection. */
    uuid: string | undefined;
    #session: SqliteSession | undefined;
    readonly #holding: boolean;

    constructor(filename: string, _mode?: number, opened?: (error: Error | null) => void, holding = false) {
      this.filename = filename;
      this.#holding = holding;
      if (opened !== undefined) process.nextTick(opened, null);
    }

    serialize(work: () => void): void {
      work();
    }

    run(sql: string, params?: Params | Callback, done?: Callback): void {
      this.#submit(sql, params, done);
    }

    all(sql: string, params?: Params | Callback, done?: Callback): void {
      this.#submit(sql, params, done);
    }

    close(done?: (error: Error | null) => void): void {
      const session = this.#session;
      this.#session = undefined;
      Promise.resolve(session?.rollback()).then(
        () => done?.(null),
        (error) => done?.(error),
      );
    }

    #submit(sql: string, paramsOrDone?: Params | Callback, callback?: Callback): void {
      const done = typeof paramsOrDone === "function" ? paramsOrDone : callback;
      const params = typeof paramsOrDone === "function" ? [] : (paramsOrDone ?? []);
      this.#execute(sql, params).then(
        ([statement, rows]) => done?.call(statement, null, rows),
        (error: unknown) => done?.call(new Statement(0, 0), sqlite3Error(error)),
      );
    }

    async #execute(sql: string, params: Params): Promise<[Statement, Record<string, unknown>[]]> {
      const nothing: [Statement, Record<string, unknown>[]] = [new Statement(0, 0), []];
      if (/^\s*begin\b/i.test(sql)) {
        this.#session = await engine.begin();
        return nothing;
      }
      if (/^\s*(commit|rollback)\s*;?\s*$/i.test(sql)) {
        const session = this.#session;
        this.#session = undefined;
        await (/commit/i.test(sql) ? session?.commit() : session?.rollback());
        return nothing;
      }
      const described = /^\s*pragma table_info\(`(\w+)`\)/i.exec(sql)?.[1];
      if (described !== undefined)
        return describe(this.#holding || this.#session ? engine.writer : engine.reader, described);
      if (this.#holding || this.#session !== undefined) return query(engine.writer.prepare(sql), params);
      if (reads(sql) || /^\s*pragma\b/i.test(sql)) return query(engine.reader.prepare(sql), params);
      const session = await engine.begin();
      try {
        const result = query(engine.writer.prepare(sql), params);
        await session.commit();
        return result;
      } catch (error) {
        await session.rollback();
        throw error;
      }
    }
  }

  return {
    OPEN_READWRITE: 2,
    OPEN_CREATE: 4,
    Database,
    holding: () => new Database("", undefined, undefined, true),
  };
}

export interface SqliteDialectModule {
  readonly OPEN_READWRITE: number;
  readonly OPEN_CREATE: number;
  readonly Database: new (filename: string, mode?: number, opened?: (error: Error | null) => void) => object;
  /** A connection for a caller that holds the writer's turn already. */
  holding(): object;
}

function query(statement: StatementSync, params: Params): [Statement, Record<string, unknown>[]] {
  const positional = Array.isArray(params) ? (params as SQLInputValue[]) : undefined;
  const named = params as Record<string, SQLInputValue>;
  if (statement.columns().length > 0) {
    const rows = positional === undefined ? statement.all(named) : statement.all(...positional);
    return [new Statement(0, rows.length), rows.map(exact)];
  }
  const { changes, lastInsertRowid } = positional === undefined ? statement.run(named) : statement.run(...positional);
  return [new Statement(Number(lastInsertRowid), Number(changes)), []];
}

/** Sequelize reads a column as its declared type says; `ddl.ts` has to declare times as text and names their CHECK. */
function describe(connection: SqliteConnection, table: string): [Statement, Record<string, unknown>[]] {
  const [statement, columns] = query(connection.prepare(`pragma table_info(\`${table}\`)`), []);
  const [, [schema]] = query(connection.prepare("select sql from sqlite_schema where name = ?"), [table]);
  const ddl = String(schema?.sql);
  return [
    statement,
    columns.map((column) => (ddl.includes(`"not_a_time:${column.name}"`) ? { ...column, type: "DATETIME" } : column)),
  ];
}

/** int64 as Sequelize has it from other databases: a number where that is exact, else text. */
function exact(row: Record<string, SQLOutputValue>): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row)) {
    if (typeof value !== "bigint") result[name] = value;
    else result[name] = Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  }
  return result;
}

/** Sequelize tells errors apart by the codes of the sqlite3 package. */
function sqlite3Error(error: unknown): Error {
  const { kind, cause } = sqliteError(error);
  const message = cause instanceof Error ? cause.message : String(error);
  const errcode: unknown = typeof cause === "object" && cause !== null ? Reflect.get(cause, "errcode") : undefined;
  const primary = typeof errcode === "number" ? errcode & 0xff : 0;
  const code = primary === 19 ? "SQLITE_CONSTRAINT" : kind === "conflict" ? "SQLITE_BUSY" : "SQLITE_ERROR";
  return Object.assign(new Error(`${code}: ${message}`, { cause: error }), { code });
}
