import type { Sequelize, Transaction } from "sequelize";
import type { DatabaseTls } from "../address.ts";
import type { Dialect, Sql } from "../sql.ts";

/** One connection inside a transaction. Its statements fail with `StoreError`. */
export interface Session extends Pick<Sql, "all" | "values" | "run"> {
  /** Ends the session. A `StoreError` with `connectionLost` or kind `timeout` leaves it open whether it committed. */
  commit(): Promise<void>;
  /** Ends the session; never fails (a connection that cannot roll back is dropped, and its transaction with it). */
  rollback(): Promise<void>;
  /** Makes the statement that runs now fail soon, where the database can; the session can only roll back after it. */
  interrupt(): void;
}

/** What a migration works on: one connection that holds the migration lock. */
export interface MigrationSession {
  readonly sql: Sql;
  /** For calls of Sequelize's QueryInterface on the same connection. */
  readonly transaction: Transaction;
}

/** What differs between database products below `Database`. */
export interface Engine {
  readonly dialect: Dialect;
  readonly sequelize: Sequelize;
  /** Statements outside a transaction. */
  readonly read: Sql;
  begin(): Promise<Session>;
  /**
   * Runs `work` while no other process migrates this database; waits for the lock `waitMs`, then fails with a
   * `StoreError` of kind `conflict`. SQLite and PostgreSQL make it one transaction; MySQL commits every DDL statement.
   */
  migrate<T>(waitMs: number, work: (session: MigrationSession) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** What an engine needs to know besides where the database is. */
export interface EngineOptions {
  readonly poolSize: number;
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  /** For the next connection; undefined: none is TLS. */
  readonly tls?: () => DatabaseTls;
  /** Shown in the server's list of connections. */
  readonly applicationName: string;
}
