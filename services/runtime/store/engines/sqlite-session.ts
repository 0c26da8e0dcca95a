import type { Row, RunResult, SqlValue, StatementOptions, ValueRow } from "../sql.ts";
import type { Session } from "./engine.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";

/** A transaction on the writer connection; `release` gives the writer's turn to the next. */
export class SqliteSession implements Session {
  readonly #writer: SqliteConnection;
  readonly #release: () => void;
  #ended = false;

  constructor(writer: SqliteConnection, release: () => void) {
    this.#writer = writer;
    this.#release = release;
  }

  async all(sql: string, params: readonly SqlValue[] = [], options?: StatementOptions): Promise<Row[]> {
    return this.#writer.all(sql, params, options?.once ?? false);
  }

  async values(sql: string, params: readonly SqlValue[] = [], options?: StatementOptions): Promise<ValueRow[]> {
    return this.#writer.values(sql, params, options?.once ?? false);
  }

  async run(sql: string, params: readonly SqlValue[] = [], options?: StatementOptions): Promise<RunResult> {
    return { affected: this.#writer.run(sql, params, options?.once ?? false) };
  }

  async commit(): Promise<void> {
    try {
      this.#writer.exec("commit");
    } catch (error) {
      await this.rollback();
      throw error;
    }
    this.#end();
  }

  async rollback(): Promise<void> {
    // After the end the connection is in somebody else's transaction.
    if (this.#ended) return;
    try {
      // SQLite has rolled back by itself after some failures, such as a full disk.
      if (this.#writer.inTransaction) this.#writer.exec("rollback");
    } finally {
      this.#end();
    }
  }

  #end(): void {
    this.#ended = true;
    this.#release();
  }

  interrupt(): void {
    // Statements are synchronous: none runs when this is called.
  }
}

/** Whether the statement only reads; a `with` may also lead an INSERT. */
export function reads(sql: string): boolean {
  return /^\s*(select|explain|values|with(?![\s\S]*\b(insert|update|delete)\b))\b/i.test(sql);
}
