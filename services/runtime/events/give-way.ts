import type { ConsumerSpec } from "./bus.ts";

/** When a batch that was put off is looked at again (milliseconds). */
export const giveWayPauseMs = 20;

/**
 * Whether a consumer's next batch is to be put off for work that comes first. Counted from the first batch that was:
 * after `atMostMs` none is any more until the consumer has caught up, so that nothing waits for a load that never ends.
 */
export class GiveWay {
  readonly #to: ConsumerSpec["giveWayTo"];
  #since: number | undefined;

  constructor({ giveWayTo }: Pick<ConsumerSpec, "giveWayTo">) {
    this.#to = giveWayTo;
  }

  /** Asked when a batch could start. */
  get wanted(): boolean {
    if (!this.#to?.busy()) return false;
    this.#since ??= performance.now();
    return performance.now() - this.#since < this.#to.atMostMs;
  }

  /** No message waits. */
  caughtUp(): void {
    this.#since = undefined;
  }
}
