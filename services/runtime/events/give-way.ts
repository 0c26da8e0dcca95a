import type { ConsumerSpec } from "./bus.ts";

/** When a batch that was put off is looked at again (milliseconds). */
export const giveWayPauseMs = 5;

/**
 * Whether a consumer's next batch is to be put off for work that comes first. Each batch is put off for `batchMs` at
 * most. Counted from the first batch that was, after `atMostMs` none is any more until the consumer has caught up, so that
 * nothing waits for a load that never ends.
 */
export class GiveWay {
  readonly #to: ConsumerSpec["giveWayTo"];
  #since: number | undefined;
  #batchSince: number | undefined;

  constructor({ giveWayTo }: Pick<ConsumerSpec, "giveWayTo">) {
    this.#to = giveWayTo;
  }

  /** Asked when a batch could start; where it is false, the batch starts. */
  get wanted(): boolean {
    const now = performance.now();
    if (this.#to?.busy()) {
      this.#since ??= now;
      this.#batchSince ??= now;
      if (now - this.#since < this.#to.atMostMs && now - this.#batchSince < this.#to.batchMs) return true;
    }
    this.#batchSince = undefined;
    return false;
  }

  /** No message waits. */
  caughtUp(): void {
    this.#since = undefined;
  }
}
