import { setTimeout as delay } from "node:timers/promises";
import type { EventBus, OutgoingMessage } from "../events/bus.ts";
import type { Logger } from "../telemetry/logger.ts";
import { bytes, integer, text, textOrNull } from "./column.ts";
import type { Database } from "./database.ts";
import { uuidv7 } from "./id.ts";
import { inListParts } from "./in-list.ts";
import { acquireLease, type Lease, releaseLease, renewLease } from "./leases.ts";
import type { Row } from "./sql.ts";

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
  /** Lets the batch in hand finish and gives the lease to others. */
  stop(): Promise<void>;
}

const leaseName = "outbox-relay";
const longestBackoffMs = 5000;
/** With this many events refused while the bus answers, the bus is the problem and not the events. */
const mostRefused = 3;

/**
 * Publishes what committed transactions left in the outbox, in the order in which they wrote it, each under its
 * outbox id, and deletes it after the bus has acknowledged: at least once, and once where the bus knows the id still.
 * One process of a service does it at a time.
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
  #nudged = false;
  #wake: (() => void) | undefined;
  #stopped = false;

  constructor(options: OutboxRelayOptions) {
    this.#database = options.database;
    this.#bus = options.bus;
    this.#log = options.log;
    this.#owner = options.owner ?? uuidv7();
    this.#pollMs = options.pollMs ?? 250;
    this.#leaseMs = options.leaseMs ?? 10_000;
    this.#batchSize = options.batchSize ?? 500;
    this.#unlisten = this.#database.onEvents(() => this.#nudge());
    this.#loop = this.#run();
  }

  async idle(): Promise<void> {
    const any = `select 1 as one from ${this.#database.tables.outbox} limit 1`;
    while ((await this.#database.read.all(any)).length > 0) {
      this.#nudge();
      await delay(10);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unlisten();
    this.#nudge();
    await this.#loop;
  }

  #nudge(): void {
    this.#nudged = true;
    this.#wake?.();
  }

  async #run(): Promise<void> {
    let backoff = 0;
    while (!this.#stopped) {
      this.#nudged = false;
      try {
        const leader = await this.#holdLease();
        const relayed = leader ? await this.#relayBatch() : 0;
        this.problem = undefined;
        backoff = 0;
        // Without the lease own events leave through the other process, which polls.
        if (!leader) await this.#sleep(this.#leaseMs / 4);
        else if (relayed < this.#batchSize && !this.#nudged) await this.#sleep(this.#pollMs, "or nudge");
      } catch (error) {
        if (this.problem === undefined) this.#log.warn({ err: error }, "events do not leave the outbox; trying again");
        this.problem = "events do not leave the outbox";
        backoff = Math.min(longestBackoffMs, Math.max(50, backoff * 2));
        await this.#sleep(backoff * (0.5 + Math.random() / 2));
      }
    }
    await this.#releaseLease();
  }

  /** Ends early with `stop`, and where asked with a nudge. */
  async #sleep(ms: number, until?: "or nudge"): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        if (until === undefined && !this.#stopped) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
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

  /** Returns how many events left. */
  async #relayBatch(): Promise<number> {
    const { tables, read } = this.#database;
    const rows = await read.all(
      `select seq, id, subject, headers, data from ${tables.outbox} order by seq limit ${this.#batchSize}`,
    );
    if (rows.length === 0) return 0;
    const events = rows.map(readEvent);
    const published = await this.#publish(events);
    // By their numbers, never "up to": a transaction that took a lower number may commit only now.
    for (const { list, params } of inListParts(published.map(({ seq }) => seq))) {
      await read.run(`delete from ${tables.outbox} where seq in ${list}`, params);
    }
    if (published.length < events.length) {
      const refused = events.filter((event) => !published.includes(event)).map(({ message }) => message.subject);
      throw new Error(`the bus refuses ${refused.length} events (${[...new Set(refused)].join(", ")})`);
    }
    return published.length;
  }

  /** Returns the events that the bus has stored: all, or after a failure those that it takes one by one. */
  async #publish(events: readonly OutboxRow[]): Promise<readonly OutboxRow[]> {
    try {
      await this.#bus.publish(events.map(({ message }) => message));
      return events;
    } catch (error) {
      if ((await this.#bus.check()) !== undefined) throw error;
    }
    // The bus answers: perhaps it refuses one event (too large, no stream for its subject), which must not hold up
    // the others for ever.
    const published: OutboxRow[] = [];
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
}

interface OutboxRow {
  readonly seq: number;
  readonly message: OutgoingMessage;
}

function readEvent(row: Row): OutboxRow {
  const headers = textOrNull(row.headers);
  return {
    seq: integer(row.seq),
    message: {
      id: text(row.id),
      subject: text(row.subject),
      data: bytes(row.data),
      headers: headers === null ? {} : (JSON.parse(headers) as Record<string, string>),
    },
  };
}
