import { Code, ConnectError } from "@connectrpc/connect";
import { fail } from "../errors/fail.ts";
import { cancelled } from "./store-error.ts";

export interface CoalesceOptions<K, V> {
  /** Reads many keys with as few statements as it can; values in the order of the keys, which may repeat. */
  read(keys: readonly K[]): Promise<readonly V[]>;
  /** Most keys of one read. Default 128: larger ones gain little and keep their callers waiting. */
  readonly maxBatch?: number;
  /** Most keys waiting. Default 10000; beyond it a caller is told to come back. */
  readonly maxQueue?: number;
  /** Reads at a time. Default 1, which makes the largest batches. */
  readonly concurrency?: number;
}

export interface CoalescedRead<K, V> {
  /**
   * What stands under the key, read after this call: nothing is kept, and no call joins a read that has begun. Fails
   * with the key's own error, RESOURCE_EXHAUSTED (QUEUE_FULL) when the queue is full, CANCELLED (or the signal's
   * reason) when the signal aborts before the key's turn.
   */
  load(key: K, options?: { readonly signal?: AbortSignal }): Promise<V>;
}

/** When a full queue has room again, roughly (milliseconds). */
const retryWhenFullMs = 250;

interface Entry<K, V> {
  readonly key: K;
  readonly signal: AbortSignal | undefined;
  resolve(value: V): void;
  reject(error: unknown): void;
}

/** Reads together what is asked for together: keys that come while a read is under way form the next one. */
export function coalesce<K, V>(options: CoalesceOptions<K, V>): CoalescedRead<K, V> {
  const { read, maxBatch = 128, maxQueue = 10_000, concurrency = 1 } = options;
  let queue: Entry<K, V>[] = [];
  let running = 0;
  let scheduled = false;

  /** At the end of this turn of the event loop, when all that it brought have queued up. */
  function schedule(): void {
    if (scheduled || running >= concurrency || queue.length === 0) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      while (running < concurrency && queue.length > 0) start();
    });
  }

  function start(): void {
    const batch = queue.length <= maxBatch ? queue : queue.slice(0, maxBatch);
    queue = queue.length <= maxBatch ? [] : queue.slice(maxBatch);
    running++;
    void settle(batch).then(() => {
      running--;
      schedule();
    });
  }

  /** Never fails. */
  async function settle(batch: readonly Entry<K, V>[]): Promise<void> {
    const live = batch.filter(wanted);
    if (live.length === 0) return;
    try {
      const values = await read(live.map(({ key }) => key));
      if (values.length !== live.length) throw new Error(`${live.length} keys got ${values.length} values`);
      live.forEach((entry, index) => {
        entry.resolve(values[index] as V);
      });
    } catch (error) {
      // Without a database each for itself fares no better.
      if (live.length === 1 || (error instanceof ConnectError && error.code === Code.Unavailable)) {
        for (const entry of live) entry.reject(error);
      } else {
        for (const entry of live) await settle([entry]);
      }
    }
  }

  return {
    load: (key, { signal } = {}) =>
      new Promise<V>((resolve, reject) => {
        if (signal?.aborted) return reject(cancelled(signal));
        if (queue.length >= maxQueue) return reject(fail("QUEUE_FULL", { retryAfterMs: retryWhenFullMs }));
        queue.push({ key, signal, resolve, reject });
        schedule();
      }),
  };
}

/** Each key for itself: for SQLite, whose reads are done before another can arrive. */
export function readSingly<K, V>({ read }: Pick<CoalesceOptions<K, V>, "read">): CoalescedRead<K, V> {
  return {
    load: async (key, { signal } = {}) => {
      if (signal?.aborted) throw cancelled(signal);
      const [value] = await read([key]);
      return value as V;
    },
  };
}

function wanted({ signal, reject }: Entry<unknown, unknown>): boolean {
  if (!signal?.aborted) return true;
  reject(cancelled(signal));
  return false;
}
