import type { Sql } from "./sql.ts";

/** An event to leave with this transaction; the relay publishes it under `id` until the bus acknowledges. */
export interface OutboxEvent {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * One transaction, all or none: SQL effects, outbox, inbox and idempotency rows. Handed to the function that
 * `Database.transact` runs; useless after it returned.
 */
export interface UnitOfWork extends Sql {
  /** The database clock, read once per transaction (epoch milliseconds). */
  now(): Promise<number>;
  /** Adds outbox rows; they are written with the transaction and relayed after its commit. */
  emit(...events: OutboxEvent[]): void;
  /**
   * Marks messages as handled by this consumer; returns the ids that were new. The others were handled before:
   * skip their effect and acknowledge them.
   */
  inbox(consumer: string, messageIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Runs after a successful commit, never after a rollback. */
  afterCommit(action: () => void): void;
}
