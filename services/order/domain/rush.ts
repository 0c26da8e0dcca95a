/** More buyers at a time than two transactions need to be well filled. */
const crowd = 48;
/** A crowd that comes again within so long has not left (milliseconds); each commit lets a part of it go. */
const pauseMs = 50;
/** What passes sooner is no rush: one slow commit gathers a crowd, too (milliseconds). */
const leastMs = 200;

/** Whether buyers of one process come faster than their purchases are made. */
export class Rush {
  #open = 0;
  #crowdedAt = Number.NEGATIVE_INFINITY;
  #since = 0;

  /** There is one now. */
  get on(): boolean {
    const now = performance.now();
    return now - this.#crowdedAt <= pauseMs && now - this.#since >= leastMs;
  }

  /** Counts a buyer who waits for the answer, and passes it on. */
  async during<T>(purchase: Promise<T>): Promise<T> {
    this.#open += 1;
    if (this.#open >= crowd) {
      const now = performance.now();
      if (now - this.#crowdedAt > pauseMs) this.#since = now;
      this.#crowdedAt = now;
    }
    try {
      return await purchase;
    } finally {
      this.#open -= 1;
    }
  }
}
