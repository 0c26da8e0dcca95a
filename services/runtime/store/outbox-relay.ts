import { setTimeout as delay } from "node:timers/promises";
import type { EventBus } from "../events/bus.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Database } from "./database.ts";
import { uuidv7 } from "./id.ts";
import { acquireLease, type Lease, releaseLease, renewLease } from "./leases.ts";
import { deleteFromOutbox, readOutbox, type StoredEvent } from "./outbox-table.ts";

export interface OutboxRelayOptions {
  readonly database: Database;
  readonly bus: EventBus;
  readonly log: Logger;
  /** Unique to the process; default a random one. */
  readonly owner?: string;
  /** Looks for events of other processes this often (milliseconds). Default 250; own events wake it at once. */
  readonly pollMs?: number;
  /** After a crash another process takes over within this time (milliseconds). Default 10000. */
  readonly leaseMs?: number;
  /** Most events of one publish. Default 500. */
  readonly batchSize?: number;
}

export interface OutboxRelay {
  /** Why events do not leave at present, or undefined: part of readiness. Another process's lease is no problem. */
  readonly problem: string | undefined;
  /** Resolves when the outbox is empty, whichever process empties it. */
  idle(): Promise<void>;
  /** Lets the batches in hand finish and gives the lease to others. */
  stop(): Promise<void>;
}

const leaseName = "outbox-relay";
const longestBackoffMs = 5000;
/** With this many events refused while the bus answers, the bus is the problem and not the events. */
const mostRefused = 3;
/** Publishes on their way at a time. */
const mostInFlight = 4;
/** Bounds of what is taken from memory, in batches and for one event in bytes; the rest waits in its table. */
const mostKnownBatches = 8;
const largestTaken = 16_384;
/** Where other processes commit events now, they are looked for this often (milliseconds). */
const busyPollMs = 20;
/** What is published waits this long at most for more that is deleted with it (milliseconds). */
const deleteWithinMs = 50;

/**
 * Publishes what committed transactions left in the outbox, in the order in which they wrote it, each under its
 * outbox id, and deletes it after the bus has acknowledged: at least once, and once where the bus knows the id still.
 * One process of a service does it at a time. What that process commits itself it publishes from memory; the rows
 * remain what counts, and all that it did not hear of is read from them.
 */
export function startOutboxRelay(options: OutboxRelayOptions): OutboxRelay {
  const relay = new Relay(options);
  return {
    get problem() {
      return relay.problem;
    },
    idle: () => relay.idle(),
    stop: () => relay.stop(),
  };
}

class Relay {
  problem: string | undefined;
  readonly #database: Database;
  readonly #bus: EventBus;
  readonly #log: Logger;
  readonly #owner: string;
  readonly #pollMs: number;
  readonly #leaseMs: number;
  readonly #batchSize: number;
  readonly #unlisten: () => void;
  readonly #loop: Promise<void>;
  #lease: Lease | undefined;
  /** On this process's monotonic clock, from before the database granted it: never later than the real expiry. */
  #leaseUntil = 0;
  /** Events that wait to be published. */
  #waiting: StoredEvent[] = [];
  /** Numbers of the events that wait, are being published, or are published and not deleted yet. */
  #known = new Set<number>();
  /** The highest number known. */
  #highest = 0;
  #published: number[] = [];
  #inFlight = 0;
  #deleting = false;
  /** When what is published is deleted at the latest, on the monotonic clock. */
  #deleteBy = 0;
  #failure: unknown;
  /** Rows above `#highest` are read; own events are not taken from memory meanwhile. */
  #behind = true;
  /** Own events were committed since that reading began. */
  #missed = false;
  /** When all rows are looked through again, on the monotonic clock. */
  #sweepAt = 0;
  /** Events that the last sweep found and that did not turn out to be this process's own. */
  #foreign = 0;
  #backoffMs = 0;
  #woken = false;
  #wake: (() => void) | undefined;
  readonly #stopping = new AbortController();

  constructor(options: OutboxRelayOptions) {
    this.#database = options.database;
    this.#bus = options.bus;
    this.#log = options.log;
    this.#owner = options.owner ?? uuidv7();
    this.#pollMs = options.pollMs ?? 250;
    this.#leaseMs = options.leaseMs ?? 10_000;
    this.#batchSize = options.batchSize ?? 500;
    this.#unlisten = this.#database.onEvents((events) => this.#take(events));
    this.#loop = this.#run();
  }

  async idle(): Promise<void> {
    while ((await readOutbox(this.#database, 0, 1)).length > 0) {
      this.#sweepAt = 0;
      this.#nudge();
      await delay(10);
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#unlisten();
    this.#nudge();
    await this.#loop;
  }

  /** Own events, just committed; none where the database does not tell their numbers. */
  #take(events: readonly StoredEvent[]): void {
    // Without the lease they leave through the other process, which polls.
    if (this.#lease === undefined) return;
    const most = mostKnownBatches * this.#batchSize;
    this.#behind ||= events.length === 0 || this.#known.size + events.length > most;
    this.#behind ||= events.some(({ message }) => message.data.length > largestTaken);
    if (this.#behind) this.#missed = true;
    else this.#foreign -= events.length - this.#add(events);
    this.#nudge();
  }

  /** Returns how many were unknown. */
  #add(events: readonly StoredEvent[]): number {
    const unknown = events.filter(({ seq }) => !this.#known.has(seq));
    for (const event of unknown) {
      this.#known.add(event.seq);
      this.#waiting.push(event);
      if (event.seq > this.#highest) this.#highest = event.seq;
    }
    return unknown.length;
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        if (this.#failure !== undefined) throw this.#failure;
        if (await this.#holdLease()) {
          await this.#advance();
        } else {
          await this.#settle();
          this.problem = undefined;
          await this.#pause(this.#leaseMs / 4);
        }
      } catch (error) {
        if (this.problem === undefined) this.#log.warn({ err: error }, "events do not leave the outbox; trying again");
        this.problem = "events do not leave the outbox";
        await this.#settle();
        this.#backoffMs = Math.min(longestBackoffMs, Math.max(50, this.#backoffMs * 2));
        await this.#pause(this.#backoffMs * (0.5 + Math.random() / 2));
      }
    }
    await this.#settle();
    await this.#releaseLease();
  }

  /** Reads and publishes what there is and room for, then waits until there may be more. */
  async #advance(): Promise<void> {
    const many = this.#published.length >= this.#batchSize;
    if (many || (this.#published.length > 0 && performance.now() >= this.#deleteBy)) void this.#delete();
    const room = this.#inFlight < mostInFlight;
    if (room && performance.now() >= this.#sweepAt) await this.#sweep();
    else if (room && this.#behind && this.#waiting.length === 0) await this.#readOn();
    while (this.#inFlight < mostInFlight && this.#waiting.length > 0) {
      void this.#relay(this.#waiting.splice(0, this.#batchSize));
    }
    if (this.#inFlight === 0 && this.#published.length === 0) this.#succeeded();
    if (this.#behind && this.#inFlight < mostInFlight) return;
    const now = performance.now();
    const sweepMs = this.#inFlight < mostInFlight ? this.#sweepAt - now : this.#pollMs;
    const deleteMs = this.#published.length > 0 && !this.#deleting ? this.#deleteBy - now : this.#pollMs;
    await this.#wait(Math.max(Math.min(sweepMs, deleteMs, this.#leaseMs / 4), 0));
  }

  /** The next events that this process did not hear of. */
  async #readOn(): Promise<void> {
    this.#missed = false;
    const events = await readOutbox(this.#database, this.#highest, this.#batchSize);
    this.#add(events);
    this.#behind = this.#missed || events.length === this.#batchSize;
  }

  /** Finds what other processes committed, and what was committed after events with higher numbers. */
  async #sweep(): Promise<void> {
    const limit = this.#known.size + this.#batchSize;
    const events = await readOutbox(this.#database, 0, limit);
    if (events.length === limit) this.#behind = true;
    // Own events may be read before their commit is told; where there are others, more will come.
    const busy = this.#foreign > 0;
    this.#foreign = this.#add(events);
    this.#sweepAt = performance.now() + (busy ? Math.min(busyPollMs, this.#pollMs) : this.#pollMs);
  }

  async #relay(events: readonly StoredEvent[]): Promise<void> {
    this.#inFlight++;
    try {
      const published = await this.#publish(events);
      if (this.#published.length === 0) this.#deleteBy = performance.now() + deleteWithinMs;
      this.#published.push(...published.map(({ seq }) => seq));
      if (published.length < events.length) {
        const refused = events.filter((event) => !published.includes(event)).map(({ message }) => message.subject);
        throw new Error(`the bus refuses ${refused.length} events (${[...new Set(refused)].join(", ")})`);
      }
      this.#succeeded();
    } catch (error) {
      this.#failure ??= error;
    }
    this.#inFlight--;
    this.#nudge();
  }

  /** Returns the events that the bus has stored: all, or after a failure those that it takes one by one. */
  async #publish(events: readonly StoredEvent[]): Promise<readonly StoredEvent[]> {
    try {
      await this.#bus.publish(events.map(({ message }) => message));
      return events;
    } catch (error) {
      if ((await this.#bus.check()) !== undefined) throw error;
    }
    // The bus answers: perhaps it refuses one event (too large, no stream for its subject), which must not hold up
    // the others for ever.
    const published: StoredEvent[] = [];
    let refused = 0;
    for (const event of events) {
      try {
        await this.#bus.publish([event.message]);
        published.push(event);
      } catch (error) {
        this.#log.error(
          { err: error, subject: event.message.subject, id: event.message.id },
          "the bus refuses an event",
        );
        if (++refused === mostRefused) break;
      }
    }
    return published;
  }

  /** One statement at a time: what is published during it goes with the next. */
  async #delete(): Promise<void> {
    if (this.#deleting) return;
    this.#deleting = true;
    const seqs = this.#published;
    this.#published = [];
    try {
      await deleteFromOutbox(this.#database, seqs);
      for (const seq of seqs) this.#known.delete(seq);
    } catch (error) {
      this.#published = [...seqs, ...this.#published];
      this.#failure ??= error;
    }
    this.#deleting = false;
    this.#nudge();
  }

  #succeeded(): void {
    if (this.#failure !== undefined) return;
    this.problem = undefined;
    this.#backoffMs = 0;
  }

  /** Lets what is under way end and forgets the rest: the rows have it. */
  async #settle(): Promise<void> {
    while (this.#inFlight > 0 || this.#deleting) await this.#wait(this.#pollMs);
    if (this.#published.length > 0) await this.#delete();
    this.#waiting = [];
    this.#known = new Set(this.#published);
    this.#highest = 0;
    this.#behind = true;
    this.#sweepAt = 0;
    this.#failure = undefined;
  }

  #nudge(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /** Ends early with `#nudge`, also with one since the last wait. */
  async #wait(ms: number): Promise<void> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    this.#woken = false;
  }

  /** Ends early with `stop` alone. */
  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  async #holdLease(): Promise<boolean> {
    const asked = performance.now();
    if (this.#lease !== undefined && this.#leaseUntil - asked > (this.#leaseMs * 2) / 3) return true;
    if (this.#lease === undefined || !(await renewLease(this.#database, this.#lease, this.#leaseMs))) {
      this.#lease = await acquireLease(this.#database, leaseName, this.#owner, this.#leaseMs);
    }
    this.#leaseUntil = asked + this.#leaseMs;
    return this.#lease !== undefined;
  }

  async #releaseLease(): Promise<void> {
    if (this.#lease === undefined) return;
    try {
      await releaseLease(this.#database, this.#lease);
    } catch (error) {
      this.#log.warn({ err: error }, "the outbox lease could not be released; it will expire");
    }
  }
}
