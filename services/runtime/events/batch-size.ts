import type { ConsumerSpec } from "./bus.ts";

/** The first size, and the least: below it a batch costs mostly what every batch costs, and fewer messages take as long. */
const leastBatch = 256;

/**
 * How many messages the next batch may have: as many as the handler gets done in about the consumer's `batchTargetMs`.
 * It doubles after a full batch that took less than half of that, and halves after one that took longer.
 */
export class BatchSize {
  readonly #most: number;
  readonly #targetMs: number;
  #current: number;

  constructor({ batchSize, batchTargetMs }: Pick<ConsumerSpec, "batchSize" | "batchTargetMs">) {
    this.#most = batchSize;
    this.#targetMs = batchTargetMs ?? Number.POSITIVE_INFINITY;
    this.#current = batchTargetMs === undefined ? batchSize : Math.min(batchSize, leastBatch);
  }

  get current(): number {
    return this.#current;
  }

  /** A batch of `count` messages took the handler `ms` milliseconds. */
  handled(count: number, ms: number): void {
    if (ms > this.#targetMs) {
      const less = Math.floor(Math.min(count, this.#current) / 2);
      this.#current = Math.min(this.#current, Math.max(less, Math.min(leastBatch, this.#most)));
    } else if (count >= this.#current && ms < this.#targetMs / 2) {
      this.#current = Math.min(this.#most, this.#current * 2);
    }
  }
}
