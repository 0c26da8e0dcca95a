import type { Sequelize } from "sequelize";
import type { MigrationSession } from "./engines/engine.ts";
import type { IdempotencyClaim } from "./idempotency.ts";
import type { StoredEvent } from "./outbox-table.ts";
import type { SharedTables } from "./shared-tables.ts";
import type { Dialect, Sql } from "./sql.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

export interface TransactOptions<T> {
  /** Ends the transaction before its commit, and a statement that runs; the call fails with the signal's ConnectError. */
  readonly signal?: AbortSignal;
  /**
   * With a claim the transaction first takes the key: a finished one with the same fingerprint gives its stored
   * answer instead of running, another fingerprint is INVALID_ARGUMENT, one in flight ABORTED with RetryInfo.
   */
  readonly idempotency?: {
    readonly claim: IdempotencyClaim | undefined;
    encode(result: T): Uint8Array;
    decode(stored: Uint8Array): T;
    /** Told when the answer is a stored one, so that the reply says `idempotent-replayed: true`. */
    replayed?(): void;
  };
}

/** One service's database. */
export interface Database {
  readonly service: string;
  readonly dialect: Dialect;
  readonly tables: SharedTables;
  /** Owns models, migrations and the pool; hot statements use `read` and `transact`. */
  readonly sequelize: Sequelize;
  /** Statements outside a transaction, each on a pooled connection. `run` commits at once. */
  readonly read: Sql;
  /**
   * Runs `work` in one READ COMMITTED transaction (on SQLite serialized). Deadlocks, serialization failures and lost
   * connections run it again, bounded: `work` must have no effects but those of its unit of work. A transaction inside
   * `work` is refused. Fails with UNAVAILABLE when the database does not answer, also when it went away during the
   * commit (nobody knows then whether it happened: ask again with the same Idempotency-Key), with ABORTED after too
   * many conflicts, and with whatever `work` throws.
   */
  transact<T>(work: (uow: UnitOfWork) => Promise<T>, options?: TransactOptions<T>): Promise<T>;
  /**
   * Calls `listener` after each commit that left events, with them, or with none where the database does not tell their
   * numbers (MySQL); the function returned ends that.
   */
  onEvents(listener: (events: readonly StoredEvent[]) => void): () => void;
  /** One connection under the database-wide migration lock; for `migrator`. */
  migrate<T>(waitMs: number, work: (session: MigrationSession) => Promise<T>): Promise<T>;
  /** Undefined when the database answers, else why not. */
  check(): Promise<string | undefined>;
  /** Waits for open transactions (bounded), then closes all connections. */
  close(): Promise<void>;
}
