/** More buyers at a time than two transactions need to be well filled. */
const crowd = 48;
/** A crowd that is back within so long has not left (milliseconds): each commit lets a part of it go. */
const pauseMs = 10;

/** Whether buyers of one process come faster than their purchases are made. */
export class Rush {
  #waiting = 0;
  /** When the last crowd left. */
  #leftAt = Number.NEGATIVE_INFINITY;

  /** There is one now. */
  get on(): boolean {
    return this.#waiting >= crowd || performance.now() - this.#leftAt <= pauseMs;
  }

  /** Counts a buyer who waits for the answer, and passes it on. */
  async during<T>(purchase: Promise<T>): Promise<T> {
    this.#waiting += 1;
    try {
      return await purchase;
    } finally {
      if (this.#waiting === crowd) this.#leftAt = performance.now();
      this.#waiting -= 1;
    }
  }
}
