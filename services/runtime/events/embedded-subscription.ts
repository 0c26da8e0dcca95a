import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "../telemetry/logger.ts";
import { BatchSize } from "./batch-size.ts";
import type { BatchHandler, ConsumerSpec, Delivery, Subscription } from "./bus.ts";
import type { EmbeddedConsumer } from "./embedded-consumer.ts";
import { GiveWay, giveWayPauseMs } from "./give-way.ts";
import { decide, HandlerWatch } from "./verdict.ts";

/** After the log failed, as on a full disk (milliseconds). */
const failureDelayMs = 1000;
/** Longest sleep, whatever the clock says (milliseconds). */
const maxSleepMs = 60_000;

/**
 * One loop over a durable consumer: take, handle, settle; one batch at a time, whatever its concurrency, as all of it
 * runs in this process on one file. Several subscriptions share the consumer's messages.
 */
export class EmbeddedSubscription implements Subscription {
  readonly #consumer: EmbeddedConsumer;
  readonly #spec: ConsumerSpec;
  readonly #handler: BatchHandler;
  readonly #log: Logger;
  readonly #watched: HandlerWatch;
  readonly #size: BatchSize;
  readonly #giveWay: GiveWay;
  readonly #loop: Promise<void>;
  #wake: () => void = () => {};
  #news = false;
  #failing = false;
  #stopping = false;

  constructor(consumer: EmbeddedConsumer, spec: ConsumerSpec, handler: BatchHandler, log: Logger) {
    this.#consumer = consumer;
    this.#spec = spec;
    this.#handler = handler;
    this.#log = log.child({ stream: spec.stream, consumer: spec.durable });
    this.#watched = new HandlerWatch(spec);
    this.#size = new BatchSize(spec);
    this.#giveWay = new GiveWay(spec);
    this.#loop = this.#run();
  }

  get healthy(): boolean {
    return !this.#stopping && !this.#failing && !this.#watched.stuck;
  }

  /** Messages were published or given back. */
  notify(): void {
    this.#news = true;
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake();
    await this.#watched.idle();
    if (!this.#watched.stuck) await this.#loop;
  }

  async #run(): Promise<void> {
    let taken = await this.#persist(() => this.#consumer.take(this.#size.current));
    while (!this.#stopping) {
      if (taken === undefined || taken.length === 0) {
        this.#giveWay.caughtUp();
        await this.#sleep();
        taken = this.#stopping ? undefined : await this.#persist(() => this.#consumer.take(this.#size.current));
        continue;
      }
      while (this.#giveWay.wanted && !this.#stopping) await delay(giveWayPauseMs);
      if (this.#stopping) break;
      const batch: readonly Delivery[] = taken;
      this.#watched.begin();
      const started = performance.now();
      const verdicts = await decide(this.#spec, this.#handler, batch, this.#log);
      this.#watched.end();
      this.#size.handled(batch.length, performance.now() - started);
      const settled = this.#persist(() => this.#consumer.settle(batch, verdicts));
      // Shares the commit of the settlement.
      const next = this.#stopping ? undefined : this.#persist(() => this.#consumer.take(this.#size.current));
      await settled;
      taken = await next;
    }
    if (taken !== undefined && taken.length > 0) {
      const batch = taken;
      await this.#persist(() => this.#consumer.release(batch));
    }
  }

  /** Until it works; undefined when the subscription is stopped meanwhile. */
  async #persist<T>(work: () => Promise<T>): Promise<T | undefined> {
    for (;;) {
      try {
        const result = await work();
        this.#failing = false;
        return result;
      } catch (error) {
        this.#failing = true;
        this.#log.error({ err: error }, "the event log failed, will try again");
        if (this.#stopping) return undefined;
        await new Promise((resolve) => setTimeout(resolve, failureDelayMs));
      }
    }
  }

  async #sleep(): Promise<void> {
    const due = this.#consumer.nextDue();
    const ms = due === undefined ? maxSleepMs : Math.min(maxSleepMs, Math.max(1, due - Date.now()));
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      // Told between the last take and now.
      if (this.#news || this.#stopping) this.#wake();
    });
    this.#news = false;
  }
}
