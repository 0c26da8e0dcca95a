/** More buyers at a time than two transactions need to be well filled. */
const crowd = 48;
/** A crowd that is back within so long has not left (milliseconds): each commit lets a part of it go. */
const pauseMs = 50;
/** What passes sooner is no rush: one slow commit gathers a crowd, too (milliseconds). */
const leastMs = 200;

/** Whether buyers of one process come faster than their purchases are made. */
export class Rush {
  #waiting = 0;
  /** When the crowd of now, or the last one, came and when it left. */
  #cameAt = 0;
  #leftAt = Number.NEGATIVE_INFINITY;

  /** There is one now. */
  get on(): boolean {
    const now = performance.now();
    const crowded = this.#waiting >= crowd || now - this.#leftAt <= pauseMs;
    return crowded && now - this.#cameAt >= leastMs;
  }

  /** Counts a buyer who waits for the answer, and passes it on. */
  async during<T>(purchase: Promise<T>): Promise<T> {
    this.#waiting += 1;
    if (this.#waiting === crowd && performance.now() - this.#leftAt > pauseMs) this.#cameAt = performance.now();
    try {
      return await purchase;
    } finally {
      if (this.#waiting === crowd) this.#leftAt = performance.now();
      this.#waiting -= 1;
    }
  }
}
