/** First wait, and the longest (milliseconds). */
const firstMs = 500;
const longestMs = 30_000;
/** A process that was ready for so long has recovered: the next crash is a new one (milliseconds). */
const recoveredMs = 60_000;

/** How long to wait before each restart: twice as long as before, until a run has lasted. */
export class Backoff {
  #nextMs = firstMs;

  /** The wait after a run in which the process was ready for so long. */
  next(readyForMs: number): number {
    if (readyForMs >= recoveredMs) this.#nextMs = firstMs;
    const waitMs = this.#nextMs;
    this.#nextMs = Math.min(waitMs * 2, longestMs);
    return waitMs;
  }
}
