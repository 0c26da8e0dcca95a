/** A number that does not come for so long is taken for one that nobody uses (milliseconds). */
const patienceMs = 1000;

/**
 * Follows numbers that are given out in order but become visible in any order, some never: `from` is where to look on.
 * Every number up to it was seen or is given up, and so a look for those above it finds few that are known.
 */
export class Frontier {
  #from: number;
  /** When `from` last moved (milliseconds of any clock). */
  #movedAt: number;
  /** Above `from`. */
  readonly #seen = new Set<number>();

  constructor(from: number, now: number) {
    this.#from = from;
    this.#movedAt = now;
  }

  get from(): number {
    return this.#from;
  }

  /** True when the number was not seen before. */
  see(number: number): boolean {
    if (number <= this.#from || this.#seen.has(number)) return false;
    this.#seen.add(number);
    return true;
  }

  /** After a look at everything above `from`. */
  advance(now: number): void {
    if (this.#seen.size === 0) this.#movedAt = now;
    if (now - this.#movedAt >= patienceMs) this.#from = Math.min(...this.#seen) - 1;
    while (this.#seen.delete(this.#from + 1)) {
      this.#from++;
      this.#movedAt = now;
    }
  }
}
