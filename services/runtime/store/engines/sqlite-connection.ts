import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { sqliteError } from "../driver-errors.ts";
import type { Row, SqlValue, ValueRow } from "../sql.ts";

/** Statements kept prepared for each connection, and as many whose rows are arrays. */
const mostStatements = 500;

/** One SQLite connection with a cache of prepared statements. Synchronous; throws `StoreError`. */
export class SqliteConnection {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Those whose rows are arrays. */
  readonly #valueStatements = new Map<string, StatementSync>();

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
      return this.#statement(this.#statements, sql, once).all(...params.map(bound));
    } catch (error) {
      throw sqliteError(error);
    }
  }

  values(sql: string, params: readonly SqlValue[], once: boolean): ValueRow[] {
    try {
      const rows: unknown = this.#statement(this.#valueStatements, sql, once).all(...params.map(bound));
      return rows as ValueRow[];
    } catch (error) {
      throw sqliteError(error);
    }
  }

  run(sql: string, params: readonly SqlValue[], once: boolean): number {
    try {
      return Number(this.#statement(this.#statements, sql, once).run(...params.map(bound)).changes);
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
    this.#valueStatements.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  #statement(statements: Map<string, StatementSync>, sql: string, once: boolean): StatementSync {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.prepare(sql);
    if (statements === this.#valueStatements) statement.setReturnArrays(true);
    if (once) return statement;
    if (statements.size >= mostStatements) {
      for (const oldest of statements.keys()) {
        statements.delete(oldest);
        break;
      }
    }
    statements.set(sql, statement);
    return statement;
  }
}

/** node:sqlite binds every number as REAL, which a text column stores as "3.0". */
function bound(value: SqlValue): SQLInputValue {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  return value;
}
