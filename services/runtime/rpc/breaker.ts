export interface BreakerOptions {
  /** So many failures in a row open it. Default 5. */
  readonly threshold?: number;
  /** First time that it stays open (milliseconds); doubles with each failed probe. Default 500. */
  readonly openMs?: number;
  /** Longest time that it stays open. Default 30 s. */
  readonly maximumOpenMs?: number;
}

/**
 * Keeps calls from a server that does not answer. Closed: all pass. Open: none, for a while. Then one probe passes, and
 * its outcome closes it or opens it for twice as long.
 */
export class CircuitBreaker {
  readonly #threshold: number;
  readonly #firstOpenMs: number;
  readonly #maximumOpenMs: number;
  #failures = 0;
  #openMs: number;
  #openUntil = Number.NEGATIVE_INFINITY;
  #probing = false;

  constructor({ threshold = 5, openMs = 500, maximumOpenMs = 30_000 }: BreakerOptions = {}) {
    this.#threshold = threshold;
    this.#firstOpenMs = openMs;
    this.#openMs = openMs;
    this.#maximumOpenMs = maximumOpenMs;
  }

  /** 0: the call may go, and `succeed`, `fail` or `release` must follow; else the milliseconds to wait. */
  admit(now = performance.now()): number {
    if (this.#failures < this.#threshold) return 0;
    if (now < this.#openUntil) return Math.ceil(this.#openUntil - now);
    if (this.#probing) return this.#openMs;
    this.#probing = true;
    return 0;
  }

  /** The server answered, with whatever: it is there. */
  succeed(): void {
    this.#failures = 0;
    this.#probing = false;
    this.#openMs = this.#firstOpenMs;
  }

  /** The call ended without telling anything of the server; another one may be the probe. */
  release(): void {
    this.#probing = false;
  }

  /** The server did not answer. */
  fail(now = performance.now()): void {
    this.#failures += 1;
    if (this.#failures < this.#threshold) return;
    // Calls that were under way when it opened do not lengthen it.
    if (now < this.#openUntil) return;
    if (this.#probing) this.#openMs = Math.min(this.#openMs * 2, this.#maximumOpenMs);
    this.#probing = false;
    this.#openUntil = now + this.#openMs;
  }
}
