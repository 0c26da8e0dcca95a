import { Code, ConnectError } from "@connectrpc/connect";
import { fail } from "../errors/fail.ts";
import type { Database } from "./database.ts";
import { cancelled } from "./store-error.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

/** What became of one request of a batch that committed. */
export type Outcome<Res> = { readonly value: Res } | { readonly error: unknown };

export interface GroupCommitOptions<Req, Res> {
  readonly database: Database;
  /**
   * Does the work of a batch in one transaction; outcomes in the order of the requests. An `error` outcome refuses its
   * request alone and must have left no effects. A throw undoes the whole batch, which is then divided: so a request
   * that makes it throw is found, and its neighbours commit. Runs again after conflicts, as `Database.transact` says.
   */
  run(uow: UnitOfWork, requests: readonly Req[]): Promise<readonly Outcome<Res>[]>;
  /** Most requests of one transaction. Default 100: larger ones gain little and block SQLite's event loop. */
  readonly maxBatch?: number;
  /** Most requests waiting. Default 10000; beyond it a caller is told to come back. */
  readonly maxQueue?: number;
  /** Transactions at a time. Default 1, which makes the largest batches; SQLite has one writer anyway. */
  readonly concurrency?: number;
}

export interface GroupCommit<Req, Res> {
  /**
   * Resolves when the request's transaction is committed. Fails with the request's own error, RESOURCE_EXHAUSTED
   * when the queue is full, CANCELLED (or the signal's reason) when the signal aborts before the request's turn; later
   * the commit runs on, and its outcome is told.
   */
  commit(request: Req, options?: { signal?: AbortSignal }): Promise<Res>;
  /** Resolves when nothing waits or runs. */
  idle(): Promise<void>;
}

/** When a full queue has room again, roughly (milliseconds). */
const retryWhenFullMs = 250;

interface Entry<Req, Res> {
  readonly request: Req;
  readonly signal: AbortSignal | undefined;
  resolve(value: Res): void;
  reject(error: unknown): void;
}

/** Commits together what arrives together: requests that come while a commit is under way form the next one. */
export function groupCommit<Req, Res>(options: GroupCommitOptions<Req, Res>): GroupCommit<Req, Res> {
  const { database, run, maxBatch = 100, maxQueue = 10_000, concurrency = 1 } = options;
  let queue: Entry<Req, Res>[] = [];
  let running = 0;
  let idlers: (() => void)[] = [];

  function pump(): void {
    while (running < concurrency && queue.length > 0) {
      const batch = queue.length <= maxBatch ? queue : queue.slice(0, maxBatch);
      queue = queue.length <= maxBatch ? [] : queue.slice(maxBatch);
      running++;
      void settle(batch).then(() => {
        running--;
        pump();
      });
    }
    if (running === 0 && queue.length === 0) {
      for (const idler of idlers) idler();
      idlers = [];
    }
  }

  async function settle(batch: readonly Entry<Req, Res>[]): Promise<void> {
    const live = batch.filter((entry) => {
      if (!entry.signal?.aborted) return true;
      entry.reject(cancelled(entry.signal));
      return false;
    });
    if (live.length === 0) return;
    let outcomes: readonly Outcome<Res>[];
    try {
      outcomes = await database.transact(async (uow) => {
        const result = await run(
          uow,
          live.map(({ request }) => request),
        );
        if (result.length !== live.length) throw new Error(`${live.length} requests got ${result.length} outcomes`);
        return result;
      });
    } catch (error) {
      return await settleFailed(live, error);
    }
    live.forEach((entry, index) => {
      const outcome = outcomes[index];
      if (outcome !== undefined && "value" in outcome) entry.resolve(outcome.value);
      else entry.reject(outcome?.error);
    });
  }

  async function settleFailed(batch: readonly Entry<Req, Res>[], error: unknown): Promise<void> {
    // Without a database the halves fare no better; after a lost commit they might run twice.
    if (batch.length === 1 || (error instanceof ConnectError && error.code === Code.Unavailable)) {
      for (const entry of batch) entry.reject(error);
      return;
    }
    const middle = batch.length >> 1;
    await settle(batch.slice(0, middle));
    await settle(batch.slice(middle));
  }

  return {
    commit: (request, { signal } = {}) =>
      new Promise<Res>((resolve, reject) => {
        if (signal?.aborted) return reject(cancelled(signal));
        if (queue.length >= maxQueue) return reject(fail("QUEUE_FULL", { retryAfterMs: retryWhenFullMs }));
        queue.push({ request, signal, resolve, reject });
        // After the callers of this turn have queued up, too.
        if (running < concurrency && queue.length === 1) queueMicrotask(pump);
      }),
    idle: () =>
      running === 0 && queue.length === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            idlers.push(resolve);
          }),
  };
}
