import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { sqliteError } from "../driver-errors.ts";
import type { Row, SqlValue } from "../sql.ts";

/** Statements kept prepared for each connection. */
const mostStatements = 500;

/** One SQLite connection with a cache of prepared statements. Synchronous; throws `StoreError`. */
export class SqliteConnection {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(file: string) {
    try {
      // No busy timeout: waiting inside SQLite would block the event loop.
      this.#database = new DatabaseSync(file, { timeout: 0, enableForeignKeyConstraints: true });
    } catch (error) {
      throw sqliteError(error);
    }
  }

  exec(sql: string): void {
    try {
      this.#database.exec(sql);
    } catch (error) {
      throw sqliteError(error);
    }
  }

  get inTransaction(): boolean {
    return this.#database.isOpen && this.#database.isTransaction;
  }

  all(sql: string, params: readonly SqlValue[], once: boolean): Row[] {
    try {
      return this.#statement(sql, once).all(...params.map(bound));
    } catch (error) {
      throw sqliteError(error);
    }
  }

  run(sql: string, params: readonly SqlValue[], once: boolean): number {
    try {
      return Number(this.#statement(sql, once).run(...params.map(bound)).changes);
    } catch (error) {
      throw sqliteError(error);
    }
  }

  /** A statement for callers with named parameters; throws what node:sqlite throws. */
  prepare(sql: string): StatementSync {
    return this.#database.prepare(sql, { readBigInts: true });
  }

  close(): void {
    this.#statements.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  #statement(sql: string, once: boolean): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.prepare(sql);
    if (once) return statement;
    if (this.#statements.size >= mostStatements) {
      for (const oldest of this.#statements.keys()) {
        this.#statements.delete(oldest);
        break;
      }
    }
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** node:sqlite binds every number as REAL, which a text column stores as "3.0". */
function bound(value: SqlValue): SQLInputValue {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  return value;
}
