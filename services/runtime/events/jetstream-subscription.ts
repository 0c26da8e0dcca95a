import { createInbox, type Msg, type NatsConnection, type Subscription as NatsSubscription } from "nats";
import type { Logger } from "../telemetry/logger.ts";
import { BatchSize } from "./batch-size.ts";
import type { BatchHandler, ConsumerSpec, Delivery, OutgoingMessage, Subscription } from "./bus.ts";
import { deadLetterOf, isFor } from "./dead-letters.ts";
import { GiveWay, giveWayPauseMs } from "./give-way.ts";
import type { AttemptNotes } from "./jetstream-attempts.ts";
import { parseMessage } from "./jetstream-message.ts";
import type { JetStreamPublisher } from "./jetstream-publisher.ts";
import { subjectMatcher } from "./subject.ts";
import { attemptsOfSuspect, decide, HandlerWatch, type Verdict } from "./verdict.ts";

/** What a subscription needs of its bus. */
export interface SubscriptionHost {
  readonly nc: NatsConnection;
  readonly publisher: JetStreamPublisher;
  readonly notes: AttemptNotes;
  readonly log: Logger;
  /** Makes sure of stream and consumer; `filtered` false: the server filters nothing. */
  ensure(spec: ConsumerSpec): Promise<{ filtered: boolean }>;
}

/** How long one request for messages stands, and how often the server says meanwhile that it does (milliseconds). */
const pullExpiresMs = 30_000;
const pullHeartbeatMs = 5_000;
/** A batch is cut when its messages reach this size, and no more is asked for where they are as large as the last ones. */
const batchBytes = 4 * 1024 * 1024;

interface Held {
  readonly message: Msg;
  readonly delivery: Delivery;
  /** The server delivered it before. */
  readonly again: boolean;
}

/**
 * One pull consumer in this process: batches in the handler's hands, the next one on its way. Written on the pull
 * requests themselves: the client's `consume` and `fetch` end or throw when the connection or a heartbeat is lost.
 */
export class JetStreamSubscription implements Subscription {
  readonly #host: SubscriptionHost;
  readonly #spec: ConsumerSpec;
  readonly #handler: BatchHandler;
  readonly #log: Logger;
  readonly #matches: (subject: string) => boolean;
  readonly #inbox = createInbox();
  readonly #subscription: NatsSubscription;
  /** Everything received and not settled, by sequence. */
  readonly #held = new Map<number, Held>();
  readonly #waiting: Held[] = [];
  /** One for each batch that may be in the handler's hands. */
  readonly #slots: readonly HandlerWatch[];
  readonly #size: BatchSize;
  readonly #giveWay: GiveWay;
  /** A batch with redelivered messages is at work: none beside it, so that what ends this process is known. */
  #exclusive = false;
  /** Mean size of the last batch's messages. */
  #messageBytes = 1;
  #pull = { id: 0, left: 0 };
  #ready = false;
  #lastContact = 0;
  #stopping = false;
  readonly #timers: NodeJS.Timeout[] = [];
  #retry: NodeJS.Timeout | undefined;
  #scheduled = false;
  /** The server has more than it was asked for. */
  #more = false;

  constructor(host: SubscriptionHost, spec: ConsumerSpec, handler: BatchHandler) {
    this.#host = host;
    this.#spec = spec;
    this.#handler = handler;
    this.#log = host.log.child({ stream: spec.stream, consumer: spec.durable });
    this.#matches = subjectMatcher(spec.subjects);
    this.#slots = Array.from({ length: spec.concurrency ?? 1 }, () => new HandlerWatch(spec));
    this.#size = new BatchSize(spec);
    this.#giveWay = new GiveWay(spec);
    // The callback must not throw: that would end the client's reader, and with it the whole connection.
    this.#subscription = host.nc.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => (error ? this.#lost(error.message) : this.#received(message)),
    });
  }

  /** Throws when the stream is missing or the consumer cannot be made. */
  async start(): Promise<void> {
    await this.#prepare();
    this.#timers.push(
      setInterval(() => this.#keep(), this.#spec.ackWaitMs / 3),
      setInterval(() => this.#watch(), 1000),
    );
  }

  get healthy(): boolean {
    return this.#ready && !this.#stopping && !this.#stuck;
  }

  get #stuck(): boolean {
    return this.#slots.some(({ stuck }) => stuck);
  }

  disconnected(): void {
    this.#ready = false;
    clearTimeout(this.#retry);
  }

  /** Requests that stood when the connection was lost are gone. */
  reconnected(): void {
    this.#again(0);
  }

  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    clearTimeout(this.#retry);
    // Receives what is on its way, so that it can be given back.
    if (this.#ready) await Promise.race([this.#subscription.drain().catch(() => {}), sleep(2000)]);
    else this.#subscription.unsubscribe();
    await Promise.all(this.#slots.map((slot) => slot.idle()));
    for (const timer of this.#timers) clearInterval(timer);
    if (!this.#ready) return;
    await this.#giveBack(this.#waiting);
    await Promise.race([this.#host.nc.flush().catch(() => {}), sleep(2000)]);
  }

  async #prepare(): Promise<void> {
    const { filtered } = await this.#host.ensure(this.#spec);
    if (!filtered) this.#log.warn("this NATS server takes one filter only: other subjects are skipped here");
    this.#ready = true;
    this.#lastContact = Date.now();
    this.#pull.left = 0;
    this.#request();
  }

  /** Prepares anew until it works. */
  #again(delayMs: number): void {
    clearTimeout(this.#retry);
    if (this.#stopping) return;
    this.#retry = setTimeout(() => {
      this.#prepare().catch((error: unknown) => {
        this.#log.warn({ err: error }, "the consumer cannot be reached, will try again");
        this.#again(Math.min(5000, Math.max(250, delayMs * 2)));
      });
    }, delayMs);
  }

  #lost(reason: string): void {
    this.#log.warn({ reason }, "fetching was interrupted");
    this.#ready = false;
    this.#again(250);
  }

  /** Asks for as many messages as there is room beside those that wait: a full batch for each slot. One request at a time. */
  #request(): void {
    const most = Math.min(this.#size.current, Math.ceil(batchBytes / this.#messageBytes));
    const room = most * this.#slots.length - this.#waiting.length;
    if (!this.#ready || this.#stopping || this.#pull.left > 0 || room <= 0) return;
    this.#pull = { id: this.#pull.id + 1, left: room };
    const ns = 1_000_000;
    const body = { batch: room, expires: pullExpiresMs * ns, idle_heartbeat: pullHeartbeatMs * ns };
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.#spec.stream}.${this.#spec.durable}`;
    this.#publish(subject, JSON.stringify(body), `${this.#inbox}.${this.#pull.id}`);
  }

  #received(message: Msg): void {
    this.#lastContact = Date.now();
    const delivered = parseMessage(message);
    if (delivered === undefined) {
      this.#status(message);
      return;
    }
    if (this.#pull.left > 0) this.#pull.left--;
    const { delivery, redelivered, last } = delivered;
    this.#more = !last;
    if (!this.#matches(delivery.subject) || !isFor(this.#spec.durable, delivery.headers)) {
      this.#publish(message.reply ?? "", "+ACK");
      this.#request();
      return;
    }
    // Redelivered while it is still in our hands: the answer to the first delivery serves.
    if (!this.#held.has(delivery.sequence)) {
      const held = { message, delivery, again: redelivered };
      this.#held.set(delivery.sequence, held);
      this.#waiting.push(held);
    }
    // After the network chunk that is being read: its messages make one batch.
    if (this.#slots.some((slot) => !slot.busy)) this.#schedule(setImmediate);
  }

  #schedule(soon: (run: () => void) => void): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    soon(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

  /** The end or a sign of life of a request; those of an earlier request mean nothing. */
  #status(message: Msg): void {
    const code = message.headers?.code ?? 0;
    if (message.subject !== `${this.#inbox}.${this.#pull.id}`) return;
    // Heartbeats come, and requests end, where there was nothing for a while: others may have taken what there was.
    this.#more = false;
    this.#run();
    if (code === 100) return;
    this.#pull.left = 0;
    if (code === 408 || code === 404) this.#request();
    else this.#lost(message.headers?.status ?? `status ${code}`);
  }

  /** Beside a batch at work only a full one starts: what trickles in makes larger batches, not more of them. */
  #run(): void {
    for (;;) {
      const slot = this.#slots.find(({ busy }) => !busy);
      if (slot === undefined || this.#stopping || this.#exclusive) return;
      if (this.#waiting.length === 0) {
        if (!this.#more && this.#slots.every(({ busy }) => !busy)) this.#giveWay.caughtUp();
        return;
      }
      const { count, full } = this.#nextBatch();
      const exclusive = this.#waiting.slice(0, count).some(({ again }) => again);
      if (this.#slots.some(({ busy }) => busy) && (exclusive || !full)) return;
      if (this.#giveWay.wanted) {
        this.#schedule((run) => setTimeout(run, giveWayPauseMs));
        return;
      }
      this.#exclusive = exclusive;
      this.#start(slot, this.#waiting.splice(0, count));
    }
  }

  #nextBatch(): { count: number; full: boolean } {
    let count = 0;
    let bytes = 0;
    while (count < this.#waiting.length && count < this.#size.current && bytes < batchBytes) {
      bytes += this.#waiting[count++]?.delivery.data.length ?? 0;
    }
    this.#messageBytes = Math.max(1, bytes / count);
    const full = count >= this.#size.current || bytes + this.#messageBytes > batchBytes;
    return { count, full };
  }

  #start(slot: HandlerWatch, batch: readonly Held[]): void {
    this.#request();
    slot.begin();
    const started = performance.now();
    this.#handle(batch, slot)
      .catch((error: unknown) => this.#log.error({ err: error }, "a batch was not settled, it will come again"))
      .then(() => {
        for (const held of batch) this.#held.delete(held.delivery.sequence);
        slot.end();
        // Of redelivered messages, each may have been a batch of its own.
        if (!this.#exclusive) this.#size.handled(batch.length, performance.now() - started);
        this.#exclusive = false;
        this.#request();
        this.#run();
      });
  }

  async #handle(batch: readonly Held[], slot: HandlerWatch): Promise<void> {
    const fresh = batch.filter((held) => !held.again);
    for (const group of await this.#groups(batch.filter((held) => held.again))) {
      if (this.#stopping) await this.#giveBack(group.batch);
      else await this.#handleGroup(group.batch, slot, group.alone);
    }
    if (fresh.length > 0) await this.#handleGroup(fresh, slot, false);
  }

  /** Finds out how often redelivered messages were handled and which of them must be handled alone. */
  async #groups(batch: readonly Held[]): Promise<{ batch: Held[]; alone: boolean }[]> {
    const together: Held[] = [];
    const groups: { batch: Held[]; alone: boolean }[] = [];
    const noted = await Promise.all(batch.map(({ delivery }) => this.#host.notes.read(this.#spec.durable, delivery)));
    batch.forEach((held, i) => {
      const note = noted[i] ?? { attempts: attemptsOfSuspect(this.#spec), alone: true };
      const counted = { ...held, delivery: { ...held.delivery, attempt: note.attempts + 1 } };
      if (note.alone) groups.push({ batch: [counted], alone: true });
      else together.push(counted);
    });
    return together.length === 0 ? groups : [...groups, { batch: together, alone: false }];
  }

  async #handleGroup(batch: readonly Held[], slot: HandlerWatch, alone: boolean): Promise<void> {
    slot.begin();
    const deliveries = batch.map((held) => held.delivery);
    // Noted before it is handled: if this process ends now, the next one knows what it was doing.
    if (alone) {
      const started = deliveries.map((delivery) => ({ delivery, attempts: delivery.attempt, alone }));
      await this.#host.notes.write(this.#spec.durable, started);
    }
    await this.#settle(batch, await decide(this.#spec, this.#handler, deliveries, this.#log));
  }

  async #settle(batch: readonly Held[], verdicts: readonly Verdict[]): Promise<void> {
    const dead: { held: Held; letter: OutgoingMessage }[] = [];
    const retries: { held: Held; verdict: Verdict & { kind: "retry" } }[] = [];
    batch.forEach((held, i) => {
      const verdict = verdicts[i] as Verdict;
      if (verdict.kind === "ack") this.#answer(held, "+ACK");
      else if (verdict.kind === "retry") retries.push({ held, verdict });
      else dead.push({ held, letter: this.#deadLetter(held.delivery, verdict.reason) });
    });
    const noted = retries.map(({ held, verdict }) => ({ ...verdict, delivery: held.delivery }));
    await this.#host.notes.write(this.#spec.durable, noted);
    for (const { held, verdict } of retries) this.#answer(held, negative(verdict.delayMs));
    await this.#host.publisher.publish(dead.map(({ letter }) => letter));
    for (const { held } of dead) this.#answer(held, "+TERM");
  }

  #deadLetter(delivery: Delivery, reason: string): OutgoingMessage {
    const maxPayload = this.#host.nc.info?.max_payload ?? Number.POSITIVE_INFINITY;
    return deadLetterOf(this.#spec.durable, delivery, reason, ({ data, headers }) => {
      // The reserve is for the broker's own header lines and the separators.
      return data.length + Buffer.byteLength(JSON.stringify(headers)) + 1024 <= maxPayload;
    });
  }

  /** To others, at once. A first delivery does not count; of a later one the notes tell what is to be told. */
  async #giveBack(batch: readonly Held[]): Promise<void> {
    const first = batch.filter((held) => !held.again);
    try {
      const uncounted = first.map(({ delivery }) => ({ delivery, attempts: 0, alone: false }));
      await this.#host.notes.write(this.#spec.durable, uncounted);
      for (const held of batch) this.#answer(held, negative(0));
    } catch (error) {
      this.#log.warn({ err: error, messages: batch.length }, "messages come again after their ack wait");
    }
  }

  #answer(held: Held, answer: string): void {
    this.#held.delete(held.delivery.sequence);
    this.#publish(held.message.reply ?? "", answer);
  }

  /** Tells the server that what is held here is being worked on. */
  #keep(): void {
    if (!this.#ready || this.#stuck) return;
    for (const held of this.#held.values()) this.#publish(held.message.reply ?? "", "+WPI");
  }

  #watch(): void {
    if (this.#ready && Date.now() - this.#lastContact > 2 * pullHeartbeatMs + 1000 && this.#pull.left > 0) {
      this.#lost("no sign of life from the server");
    }
  }

  #publish(subject: string, body: string, reply?: string): void {
    try {
      this.#host.nc.publish(subject, body, { reply });
    } catch (error) {
      this.#log.warn({ err: error }, "the connection to NATS is closed");
    }
  }
}

function negative(delayMs: number): string {
  return delayMs <= 0 ? "-NAK" : `-NAK ${JSON.stringify({ delay: Math.round(delayMs * 1_000_000) })}`;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
