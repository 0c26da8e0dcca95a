import type { Sequelize } from "sequelize";
import type { IdempotencyClaim } from "./idempotency.ts";
import type { Dialect, Sql } from "./sql.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

export interface TransactOptions<T> {
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
  readonly dialect: Dialect;
  /** Owns models, migrations and the pool; hot statements use `read` and `transact`. */
  readonly sequelize: Sequelize;
  /** Statements outside a transaction, each on a pooled connection. */
  readonly read: Sql;
  /** Runs `work` in one transaction; deadlocks and serialization failures run it again (bounded). */
  transact<T>(work: (uow: UnitOfWork) => Promise<T>, options?: TransactOptions<T>): Promise<T>;
  /** Undefined when the database answers, else why not. */
  check(): Promise<string | undefined>;
  close(): Promise<void>;
}
