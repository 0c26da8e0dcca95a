import { FailureStatus } from "@ordermesh/proto/ordermesh/order/v1/failure_pb";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { uuidv7 } from "@ordermesh/runtime/store/id.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import { mostAgeMs, retryDelayMs } from "../domain/retry-schedule.ts";
import { finishFailure } from "./failure-final.ts";
import { type FailureRow, failureByNumber, readFailure, storableError } from "./failure-store.ts";

/** The right to make one attempt; `row.retryCount` is the attempt's number. */
export interface FailureClaim {
  readonly owner: string;
  readonly row: FailureRow;
}

const { PENDING, PROCESSING, SUCCESS, FAILED, EXPIRED } = FailureStatus;

/**
 * Leases up to `limit` rows that are due, also those whose attempt never came back, for one attempt each. The attempt
 * counts from here on, so that a message which kills its process comes to an end as well.
 */
export async function claimDue(
  database: Database,
  options: { readonly actor: string; readonly leaseMs: number; readonly limit: number },
): Promise<FailureClaim[]> {
  return await database.transact(async (uow) => {
    const { now, addMs, skipLocked } = uow.dialect;
    const rows = await uow.all(
      `select * from failures
       where ((status = ${PENDING} and next_retry_at <= ${now} and (lease_until is null or lease_until <= ${now}))
           or (status = ${PROCESSING} and lease_until <= ${now}))
         and created_at > ${addMs(now, String(-mostAgeMs))}
       order by number limit ${options.limit}${skipLocked}`,
    );
    const claims: FailureClaim[] = [];
    for (const row of rows) {
      claims.push(await lease(uow, readFailure(row), { ...options, manual: false }));
    }
    return claims;
  });
}

/**
 * Leases one row for a manual attempt, whatever its status; a row that is final stays so meanwhile. "resolved" when
 * its order stands, "busy" while another attempt holds it, undefined when there is no such row.
 */
export async function claimByNumber(
  database: Database,
  number: bigint,
  options: { readonly actor: string; readonly leaseMs: number },
): Promise<FailureClaim | "resolved" | "busy" | undefined> {
  return await database.transact(async (uow) => {
    const { now, forUpdate } = uow.dialect;
    const [stored] = await uow.all(`select * from failures where number = ?${forUpdate}`, [number]);
    if (stored === undefined) return undefined;
    const row = readFailure(stored);
    if (row.status === SUCCESS) return "resolved";
    const held = await uow.all(`select number from failures where number = ? and lease_until > ${now}`, [number]);
    if (held.length > 0) return "busy";
    return await lease(uow, row, { ...options, manual: true });
  });
}

/** Marks the order of a claim as made, in the transaction that makes it. False when the lease went to another attempt. */
export async function settleSuccess(uow: UnitOfWork, { owner, row }: FailureClaim): Promise<boolean> {
  const { affected } = await uow.run(
    `update failures set status = ${SUCCESS}, next_retry_at = null, lease_owner = '', lease_until = null,
       updated_at = ${uow.dialect.now}
     where number = ? and lease_owner = ?`,
    [row.number, owner],
  );
  if (affected === 0) return false;
  await uow.run("update failure_attempts set succeeded = ?, error = '' where failure_number = ? and attempt = ?", [
    true,
    row.number,
    row.retryCount,
  ]);
  return true;
}

/** How an attempt failed. */
export interface AttemptFailure {
  readonly error: string;
  /** False: no further attempt can succeed by itself. */
  readonly retryable: boolean;
  readonly reservationId?: string | undefined;
}

/**
 * Writes what an attempt came to: PENDING again, or FAILED with its event and the reservation given back, once. A row
 * that was final before stays as it was. Nothing happens when the lease went to another attempt.
 */
export async function settleFailure(
  uow: UnitOfWork,
  { owner, row }: FailureClaim,
  failure: AttemptFailure,
  random: () => number,
): Promise<void> {
  const { now, addMs, forUpdate } = uow.dialect;
  const held = await uow.all(`select number from failures where number = ? and lease_owner = ?${forUpdate}`, [
    row.number,
    owner,
  ]);
  if (held.length === 0) return;
  const error = storableError(failure.error);
  const wasFinal = row.status === FAILED || row.status === EXPIRED;
  const again = !wasFinal && failure.retryable && row.retryCount < row.maxRetries;
  const status = wasFinal ? row.status : again ? PENDING : FAILED;
  await uow.run(
    `update failures set status = ?, last_error = ?, lease_owner = '', lease_until = null, updated_at = ${now},
       next_retry_at = ${again ? addMs(now, "?") : "null"}
     where number = ?`,
    [status, error, ...(again ? [retryDelayMs(row.retryCount, random)] : []), row.number],
  );
  await uow.run("update failure_attempts set error = ? where failure_number = ? and attempt = ?", [
    error,
    row.number,
    row.retryCount,
  ]);
  if (status === FAILED && !wasFinal) {
    await finishFailure(uow, { ...row, reason: error, reservationId: failure.reservationId });
  }
}

/** Marks what is older than a day and held by nobody as EXPIRED; returns how many. */
export async function expireOld(database: Database): Promise<number> {
  const { now, addMs } = database.dialect;
  const { affected } = await database.read.run(
    `update failures set status = ${EXPIRED}, next_retry_at = null, lease_owner = '', lease_until = null,
       updated_at = ${now}
     where status in (${PENDING}, ${PROCESSING}) and (lease_until is null or lease_until <= ${now})
       and created_at <= ${addMs(now, String(-mostAgeMs))}`,
  );
  return affected;
}

async function lease(
  uow: UnitOfWork,
  before: FailureRow,
  options: { readonly actor: string; readonly leaseMs: number; readonly manual: boolean },
): Promise<FailureClaim> {
  const { now, addMs } = uow.dialect;
  const owner = uuidv7();
  const status = before.status === FAILED || before.status === EXPIRED ? before.status : PROCESSING;
  await uow.run(
    `update failures set status = ?, retry_count = retry_count + 1, next_retry_at = null, lease_owner = ?,
       lease_until = ${addMs(now, "?")}, updated_at = ${now}
     where number = ?`,
    [status, owner, options.leaseMs, before.number],
  );
  const row = await failureByNumber(uow, before.number);
  if (row === undefined) throw new Error(`failure ${before.number} is gone under its lock`);
  // Stays like this when the process dies; `settle...` writes the outcome over it.
  await uow.run(
    `insert into failure_attempts (failure_number, attempt, manual, actor, succeeded, error, started_at)
     values (?, ?, ?, ?, ?, ?, ${now})`,
    [row.number, row.retryCount, options.manual, options.actor.slice(0, 100), false, "the attempt did not end"],
  );
  return { owner, row };
}
