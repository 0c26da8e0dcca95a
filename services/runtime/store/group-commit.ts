import { Code, ConnectError } from "@connectrpc/connect";
import { fail } from "../errors/fail.ts";
import type { Database } from "./database.ts";
import { cancelled } from "./store-error.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

/** What became of one request of a batch that committed. */
export type Outcome<Res> = { readonly value: Res } | { readonly error: unknown };

/** How a group commits; defaults as `GroupCommitOptions` says. */
export type GroupLimits = Pick<GroupCommitOptions<never, never>, "maxBatch" | "concurrency">;

export interface GroupCommitOptions<Req, Res, Prepared = undefined> {
  readonly database: Database;
  /** Runs before a batch's transaction and outside it; `run` gets what it resolves with. */
  prepare?(count: number): Promise<Prepared>;
  /**
   * Does the work of a batch in one transaction; outcomes in the order of the requests. An `error` outcome refuses its
   * request alone and must have left no effects. A throw undoes the whole batch, which is then divided: so a request
   * that makes it throw is found, and its neighbours commit. Runs again after conflicts, as `Database.transact` says.
   */
  run(uow: UnitOfWork, requests: readonly Req[], prepared: Prepared): Promise<readonly Outcome<Res>[]>;
  /** Most requests of one transaction. Default 500; on SQLite 100, for its statements block the event loop. */
  readonly maxBatch?: number;
  /** A batch has no more requests than add this to its duration (milliseconds). Default 40. */
  readonly targetMs?: number;
  /** Most requests waiting. Default 10000; beyond it a caller is told to come back. */
  readonly maxQueue?: number;
  /** Transactions at a time. Default 1, which makes the largest batches; SQLite has one writer anyway. */
  readonly concurrency?: number;
}

export interface CommitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Epoch milliseconds: a caller whose turn would come later is refused at once. */
  readonly deadline?: number | undefined;
}

export interface GroupCommit<Req, Res> {
  /**
   * Resolves when the request's transaction is committed. Fails with the request's own error; with RESOURCE_EXHAUSTED
   * (QUEUE_FULL) and the time after which to come back when the queue is full or the deadline would pass in it; with
   * CANCELLED (or the signal's reason) when the signal aborts before the request's turn; later the commit runs on, and
   * its outcome is told.
   */
  commit(request: Req, options?: CommitOptions): Promise<Res>;
  /** Resolves when nothing waits or runs. */
  idle(): Promise<void>;
  /** Requests that wait for their turn now, and how many more would be let in. */
  queue(): { readonly waiting: number; readonly free: number };
}

const smallestBatch = 16;
/** A further transaction beside a running one pays from so many requests on. */
const secondBatch = 16;
/** Bounds of what a refused caller is told to wait (milliseconds). */
const shortestRetryMs = 100;
const longestRetryMs = 30_000;
/** Weight of the newest batch in what is measured. */
const newest = 0.1;

interface Entry<Req, Res> {
  readonly request: Req;
  readonly signal: AbortSignal | undefined;
  resolve(value: Res): void;
  reject(error: unknown): void;
}

/** Commits together what arrives together: requests that come while a commit is under way form the next one. */
export function groupCommit<Req, Res, Prepared = undefined>(
  options: GroupCommitOptions<Req, Res, Prepared>,
): GroupCommit<Req, Res> {
  const group = new Group(options);
  return {
    commit: (request, commitOptions) => group.commit(request, commitOptions),
    idle: () => group.idle(),
    queue: () => group.queue(),
  };
}

class Group<Req, Res, Prepared> {
  readonly #options: GroupCommitOptions<Req, Res, Prepared>;
  readonly #maxBatch: number;
  readonly #maxQueue: number;
  readonly #concurrency: number;
  readonly #targetMs: number;
  #queue: Entry<Req, Res>[] = [];
  #running = 0;
  #scheduled = false;
  #idlers: (() => void)[] = [];
  /** Most requests of the next batch. */
  #limit: number;
  /** Moving averages of the duration (milliseconds) and size of a batch, the size's variance and their covariance. */
  #batchMs = 0;
  #batchSize = 0;
  #variance = 0;
  #covariance = 0;

  constructor(options: GroupCommitOptions<Req, Res, Prepared>) {
    this.#options = options;
    this.#maxBatch = options.maxBatch ?? (options.database.dialect.name === "sqlite" ? 100 : 500);
    this.#maxQueue = options.maxQueue ?? 10_000;
    this.#concurrency = options.concurrency ?? 1;
    this.#targetMs = options.targetMs ?? 40;
    this.#limit = this.#maxBatch;
  }

  commit(request: Req, { signal, deadline }: CommitOptions = {}): Promise<Res> {
    return new Promise<Res>((resolve, reject) => {
      if (signal?.aborted) return reject(cancelled(signal));
      const turnMs = this.#turnMs();
      if (this.#queue.length >= this.#maxQueue || (deadline !== undefined && Date.now() + turnMs > deadline)) {
        const retryAfterMs = Math.min(Math.max(Math.ceil(turnMs), shortestRetryMs), longestRetryMs);
        return reject(fail("QUEUE_FULL", { retryAfterMs }));
      }
      this.#queue.push({ request, signal, resolve, reject });
      this.#schedule();
    });
  }

  idle(): Promise<void> {
    if (this.#running === 0 && this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idlers.push(resolve);
    });
  }

  queue(): { waiting: number; free: number } {
    const waiting = this.#queue.length;
    return { waiting, free: Math.max(0, this.#maxQueue - waiting) };
  }

  /** Until those that wait now have had their turn, going by the latest batches (milliseconds). */
  #turnMs(): number {
    return (this.#queue.length / this.#limit / this.#concurrency) * this.#batchMs;
  }

  get #ready(): boolean {
    if (this.#running >= this.#concurrency) return false;
    return this.#queue.length >= (this.#running === 0 ? 1 : Math.min(secondBatch, this.#limit));
  }

  /** At the end of this turn of the event loop, when all that it brought have queued up. */
  #schedule(): void {
    if (this.#scheduled || !this.#ready) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      while (this.#ready) this.#start();
    });
  }

  #start(): void {
    const whole = this.#queue.length <= this.#limit;
    const batch = whole ? this.#queue : this.#queue.slice(0, this.#limit);
    this.#queue = whole ? [] : this.#queue.slice(this.#limit);
    this.#running++;
    void this.#settle(batch).then(() => {
      this.#running--;
      this.#schedule();
      if (this.#running > 0 || this.#queue.length > 0) return;
      for (const idler of this.#idlers) idler();
      this.#idlers = [];
    });
  }

  /** What a request adds to the duration of a batch is the slope of duration over size; the rest is there anyway. */
  #learn(size: number, ms: number): void {
    if (this.#batchMs === 0) {
      this.#batchMs = ms;
      this.#batchSize = size;
      return;
    }
    const deltaMs = ms - this.#batchMs;
    const deltaSize = size - this.#batchSize;
    this.#batchMs += newest * deltaMs;
    this.#batchSize += newest * deltaSize;
    this.#variance = (1 - newest) * (this.#variance + newest * deltaSize * deltaSize);
    this.#covariance = (1 - newest) * (this.#covariance + newest * deltaSize * deltaMs);
    const eachMs = this.#covariance / this.#variance;
    const most = eachMs > 0 ? Math.floor(this.#targetMs / eachMs) : this.#maxBatch;
    this.#limit = Math.min(Math.max(most, smallestBatch), this.#maxBatch);
  }

  async #settle(batch: readonly Entry<Req, Res>[]): Promise<void> {
    const live = batch.filter((entry) => {
      if (!entry.signal?.aborted) return true;
      entry.reject(cancelled(entry.signal));
      return false;
    });
    if (live.length === 0) return;
    const started = performance.now();
    let outcomes: readonly Outcome<Res>[];
    try {
      outcomes = await this.#transact(live.map(({ request }) => request));
    } catch (error) {
      return await this.#settleFailed(live, error);
    } finally {
      this.#learn(live.length, performance.now() - started);
    }
    live.forEach((entry, index) => {
      const outcome = outcomes[index];
      if (outcome !== undefined && "value" in outcome) entry.resolve(outcome.value);
      else entry.reject(outcome?.error);
    });
  }

  async #transact(requests: readonly Req[]): Promise<readonly Outcome<Res>[]> {
    const { database, prepare, run } = this.#options;
    // Undefined where there is no `prepare`, and then so is the type.
    const prepared = (await prepare?.(requests.length)) as Prepared;
    return await database.transact(async (uow) => {
      const outcomes = await run(uow, requests, prepared);
      if (outcomes.length !== requests.length) {
        throw new Error(`${requests.length} requests got ${outcomes.length} outcomes`);
      }
      return outcomes;
    });
  }

  async #settleFailed(batch: readonly Entry<Req, Res>[], error: unknown): Promise<void> {
    // Without a database the halves fare no better; after a lost commit they might run twice.
    if (batch.length === 1 || (error instanceof ConnectError && error.code === Code.Unavailable)) {
      for (const entry of batch) entry.reject(error);
      return;
    }
    const middle = batch.length >> 1;
    await this.#settle(batch.slice(0, middle));
    await this.#settle(batch.slice(middle));
  }
}
