import { FailureStatus } from "@ordermesh/proto/ordermesh/order/v1/failure_pb";
import { bytes, flag, integer, text, timeMs, timeMsOrNull } from "@ordermesh/runtime/store/column.ts";
import type { Row, Sql, SqlValue } from "@ordermesh/runtime/store/sql.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import { mostAttempts, retryDelayMs } from "../domain/retry-schedule.ts";
import { finishFailure } from "./failure-final.ts";
import type { PageKey } from "./page-token.ts";

/** Cause of a failure: the message itself, a rule of the schema, a contradiction with what is stored, or the moment. */
export type FailureType = "VALIDATION" | "CONSTRAINT" | "CONFLICT" | "TRANSIENT";

/** A message that made no order. */
export interface NewFailure {
  /** One row for each key: the SHA-256 of the message's bytes, in hexadecimal. */
  readonly messageKey: string;
  readonly externalOrderId: string;
  readonly buyerId: string;
  readonly productId: string;
  readonly failureType: FailureType;
  /** The message as it came. */
  readonly data: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** When the bus stored it (epoch milliseconds). */
  readonly storedAt: number;
  /** For operators; nothing internal belongs in it. */
  readonly error: string;
  /** False: a permanent cause, final at once. */
  readonly retryable: boolean;
  /** The reservation that our own purchase made for this message; a final failure gives it back. */
  readonly reservationId?: string;
}

/** A stored failure; times are epoch milliseconds. */
export interface FailureRow {
  readonly number: number;
  readonly messageKey: string;
  readonly externalOrderId: string;
  readonly buyerId: string;
  readonly productId: string;
  readonly failureType: string;
  readonly data: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly storedAt: number;
  readonly originalError: string;
  readonly lastError: string;
  readonly retryCount: number;
  readonly maxRetries: number;
  readonly nextRetryAt: number | null;
  readonly status: FailureStatus;
  readonly leaseOwner: string;
  readonly leaseUntil: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** One attempt on a failure. */
export interface FailureAttemptRow {
  readonly attempt: number;
  readonly manual: boolean;
  readonly actor: string;
  readonly succeeded: boolean;
  readonly error: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
}

/**
 * Records a failure once for each message key: PENDING, or for a permanent cause FAILED at once with its event. A later
 * one of the same key becomes the last error beside the original one. `sequences` is `Database.tables.sequences`: the
 * number is taken in this transaction, so that a batch without failures uses none.
 */
export async function recordFailure(uow: UnitOfWork, failure: NewFailure, sequences: string): Promise<void> {
  if (await repeatFailure(uow, failure)) return;
  const { now, addMs, onDuplicateSkip, time } = uow.dialect;
  const number = await takeNumber(uow, sequences);
  const error = storableError(failure.error);
  const params: SqlValue[] = [
    number,
    failure.messageKey,
    failure.externalOrderId,
    failure.buyerId,
    failure.productId,
    failure.failureType,
    failure.data,
    JSON.stringify(failure.headers),
    time(failure.storedAt),
    error,
    error,
    mostAttempts,
    failure.retryable ? FailureStatus.PENDING : FailureStatus.FAILED,
  ];
  if (failure.retryable) params.push(retryDelayMs(0, Math.random));
  const { affected } = await uow.run(
    `insert into failures (number, message_key, external_order_id, buyer_id, product_id, failure_type, message_data,
       message_headers, stored_at, original_error, last_error, retry_count, max_retries, status, next_retry_at,
       lease_owner, lease_until, created_at, updated_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ${failure.retryable ? addMs(now, "?") : "null"}, '', null,
       ${now}, ${now})${onDuplicateSkip("failures", ["message_key"])}`,
    params,
  );
  // Another transaction recorded the message in between.
  if (affected === 0) await repeatFailure(uow, failure);
  else if (!failure.retryable) await finishFailure(uow, { ...failure, number, reason: error });
}

/** Column width of errors; NUL is no character of a text column. */
export function storableError(error: string): string {
  return error.replaceAll("\0", "").toWellFormed().slice(0, 1000).toWellFormed();
}

/** What went wrong last; the status stays. False when there is no such failure. */
async function repeatFailure(uow: UnitOfWork, failure: NewFailure): Promise<boolean> {
  const [row] = await uow.all(`select number from failures where message_key = ?${uow.dialect.forUpdate}`, [
    failure.messageKey,
  ]);
  if (row === undefined) return false;
  await uow.run(
    `update failures set last_error = ?, updated_at = ${uow.dialect.now} where number = ? and status <> ?`,
    [storableError(failure.error), integer(row.number), FailureStatus.SUCCESS],
  );
  return true;
}

async function takeNumber(uow: UnitOfWork, sequences: string): Promise<number> {
  const name = "failure";
  await uow.run(
    `insert into ${sequences} (name, next_id) values (?, 1)${uow.dialect.onDuplicateSkip(sequences, ["name"])}`,
    [name],
  );
  await uow.run(`update ${sequences} set next_id = next_id + 1 where name = ?`, [name]);
  const [row] = await uow.all(`select next_id from ${sequences} where name = ?`, [name]);
  return integer(row?.next_id) - 1;
}

export async function failureByNumber(sql: Sql, number: bigint | number): Promise<FailureRow | undefined> {
  const [row] = await sql.all("select * from failures where number = ?", [number]);
  return row === undefined ? undefined : readFailure(row);
}

/** Newest first; `after` is the last row of the page before, `skip` counts rows from there. */
export async function listFailures(
  sql: Sql,
  query: { readonly status?: FailureStatus; readonly after?: PageKey; readonly skip?: bigint; readonly limit: number },
): Promise<FailureRow[]> {
  const conditions = ["1 = 1"];
  const params: SqlValue[] = [];
  if (query.status !== undefined) {
    conditions.push("status = ?");
    params.push(query.status);
  }
  if (query.after !== undefined) {
    const createdAt = sql.dialect.time(query.after.createdAt);
    conditions.push("(created_at < ? or (created_at = ? and number < ?))");
    params.push(createdAt, createdAt, Number(query.after.id));
  }
  const rows = await sql.all(
    `select * from failures where ${conditions.join(" and ")}
     order by created_at desc, number desc limit ? offset ?`,
    [...params, query.limit, query.skip ?? 0n],
  );
  return rows.map(readFailure);
}

export async function countFailures(sql: Sql, status?: FailureStatus): Promise<number> {
  const [where, params]: [string, SqlValue[]] = status === undefined ? ["", []] : [" where status = ?", [status]];
  const [row] = await sql.all(`select count(*) as total from failures${where}`, params);
  return integer(row?.total);
}

/** Oldest first. */
export async function listAttempts(sql: Sql, number: number): Promise<FailureAttemptRow[]> {
  const rows = await sql.all("select * from failure_attempts where failure_number = ? order by attempt", [number]);
  return rows.map((row) => ({
    attempt: integer(row.attempt),
    manual: flag(row.manual),
    actor: text(row.actor),
    succeeded: flag(row.succeeded),
    error: text(row.error),
    startedAt: timeMs(row.started_at),
  }));
}

export function readFailure(row: Row): FailureRow {
  return {
    number: integer(row.number),
    messageKey: text(row.message_key),
    externalOrderId: text(row.external_order_id),
    buyerId: text(row.buyer_id),
    productId: text(row.product_id),
    failureType: text(row.failure_type),
    data: bytes(row.message_data),
    headers: JSON.parse(text(row.message_headers)) as Record<string, string>,
    storedAt: timeMs(row.stored_at),
    originalError: text(row.original_error),
    lastError: text(row.last_error),
    retryCount: integer(row.retry_count),
    maxRetries: integer(row.max_retries),
    nextRetryAt: timeMsOrNull(row.next_retry_at),
    status: integer(row.status),
    leaseOwner: text(row.lease_owner),
    leaseUntil: timeMsOrNull(row.lease_until),
    createdAt: timeMs(row.created_at),
    updatedAt: timeMs(row.updated_at),
  };
}
