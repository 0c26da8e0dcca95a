import type { Database } from "@ordermesh/runtime/store/database.ts";
import { uuidv7 } from "@ordermesh/runtime/store/id.ts";
import type { Logger } from "@ordermesh/runtime/telemetry/logger.ts";
import { readSeckillMessage } from "../domain/seckill-message.ts";
import { claimDue, expireOld, type FailureClaim, settleFailure } from "../store/failure-lease.ts";
import { failureRetrier } from "../store/failure-retry.ts";

export interface FailureSweeperOptions {
  readonly database: Database;
  readonly log: Logger;
  /** Default 2000: the shortest waits are about a second (docs/contracts/minishop.md 4). */
  readonly everyMs?: number;
  /** A crashed attempt is made again after so long (milliseconds). Default 60000, far above one transaction. */
  readonly leaseMs?: number;
  /** Currency of messages that carry none. Default CNY. */
  readonly currency?: string;
  /** How long an order that is made may be paid (milliseconds). Default 30 minutes. */
  readonly paymentWindowMs?: number;
  /** In [0, 1), for the waits. */
  readonly random?: () => number;
}

export interface FailureSweeper {
  /** One sweep now; returns how many attempts it made. */
  run(): Promise<number>;
  /** Lets the sweep in hand finish. */
  stop(): Promise<void>;
}

/** Few at a time: the lease of the last row runs while the others are tried. */
const batchSize = 20;

/** Makes the orders of failed messages after all, one attempt at a time each, in any number of processes at once. */
export function startFailureSweeper(options: FailureSweeperOptions): FailureSweeper {
  const { database, log, everyMs = 2000, leaseMs = 60_000, currency = "CNY", random = Math.random } = options;
  const actor = `sweeper ${uuidv7()}`;
  const retrier = failureRetrier(database, options.paymentWindowMs);
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let current: Promise<unknown> = Promise.resolve();

  async function attempt(claim: FailureClaim): Promise<void> {
    const { row } = claim;
    if (row.retryCount > row.maxRetries) {
      // The last attempts never came back: their process died with them.
      const reading = readSeckillMessage(row, currency);
      const reservationId = reading.kind === "order" ? reading.intake.purchase?.reservationId : undefined;
      const failure = { error: row.lastError, retryable: false, reservationId };
      await database.transact((uow) => settleFailure(uow, claim, failure, random));
      return;
    }
    const outcome = await retrier.retry(claim, async () => undefined, { currency, random });
    log.info({ failure: row.number, attempt: row.retryCount, outcome: outcome.kind }, "tried a failed message again");
  }

  async function sweep(): Promise<number> {
    const expired = await expireOld(database);
    if (expired > 0) log.warn({ expired }, "failed messages are too old to be tried again");
    let attempts = 0;
    while (!stopped) {
      const claims = await claimDue(database, { actor, leaseMs, limit: batchSize });
      for (const claim of claims) {
        try {
          await attempt(claim);
        } catch (error) {
          log.error({ err: error, failure: claim.row.number }, "an attempt broke off; its lease will expire");
        }
      }
      attempts += claims.length;
      if (claims.length < batchSize) break;
    }
    return attempts;
  }

  /** One at a time in this process. */
  function run(): Promise<number> {
    const next = current.then(sweep);
    current = next.catch(() => undefined);
    return next;
  }

  function schedule(): void {
    timer = setTimeout(async () => {
      try {
        await run();
      } catch (error) {
        log.warn({ err: error }, "the sweep of failed messages did not finish");
      }
      if (!stopped) schedule();
    }, everyMs);
  }
  schedule();

  return {
    run,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await current;
    },
  };
}
