import type { ClaimState, IdempotencyAnswer, IdempotencyClaim } from "./idempotency.ts";
import type { Sql } from "./sql.ts";

/** An event to leave with this transaction; the relay publishes it under an id of its own until the bus acknowledges. */
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
  /** Writes the events emitted so far now rather than at the end: before a lock that many transactions want. */
  writeEvents(): Promise<void>;
  /**
   * Marks messages as handled by this consumer; returns the ids that were new. The others were handled before:
   * skip their effect and acknowledge them.
   */
  inbox(consumer: string, messageIds: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Claims idempotency keys of many requests that share this transaction; states in the order of the claims. Where
   * one request is the whole transaction, give its claim to `Database.transact` instead. Fails with ABORTED
   * (IDEMPOTENCY_IN_FLIGHT) when another process holds one of the keys for longer than the lock timeout.
   */
  claimAll(claims: readonly IdempotencyClaim[]): Promise<readonly ClaimState[]>;
  /**
   * Stores answers to new claims with the transaction. A new claim without an answer by the end is given up: its
   * request failed and may come again.
   */
  recordAll(answers: readonly IdempotencyAnswer[]): void;
  /** Runs after a successful commit, never after a rollback. */
  afterCommit(action: () => void): void;
}
