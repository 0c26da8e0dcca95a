import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "../telemetry/logger.ts";
import type { BatchHandler, ConsumerSpec, EventBus, OutgoingMessage, StreamSpec, Subscription } from "./bus.ts";
import { deadLetterStore, deadLetterStream } from "./dead-letters.ts";
import { EmbeddedConsumer } from "./embedded-consumer.ts";
import { EmbeddedLog } from "./embedded-log.ts";
import { chunkSize, EmbeddedMessages } from "./embedded-messages.ts";
import { EmbeddedSubscription } from "./embedded-subscription.ts";
import { validateConsumer, validateMessage, validateStream } from "./message.ts";

/** How often messages past their age are looked for (milliseconds). */
const expiryIntervalMs = 60_000;
/** One piece of work writes at most this much beside its single messages. */
const chunkBytes = 1024 * 1024;

export interface EmbeddedBusOptions {
  /** `bus.sqlite` is in it. */
  readonly dataDir: string;
  readonly log: Logger;
}

/** The bus in this process, on one SQLite file that it alone may have open; throws when it cannot. */
export async function openEmbeddedBus({ dataDir, log }: EmbeddedBusOptions): Promise<EventBus> {
  mkdirSync(dataDir, { recursive: true });
  const bus = new EmbeddedBus(new EmbeddedLog(join(dataDir, "bus.sqlite")), log);
  await bus.ensureStream(deadLetterStream);
  return bus;
}

class EmbeddedBus implements EventBus {
  readonly kind = "embedded";
  readonly unsupported: ReadonlySet<string> = new Set();
  readonly deadLetters: EventBus["deadLetters"];
  readonly #file: EmbeddedLog;
  readonly #messages: EmbeddedMessages;
  readonly #log: Logger;
  readonly #expiry: NodeJS.Timeout;
  /** By stream and durable name: its subscriptions in this process, and whether one was ever made. */
  readonly #consumers = new Map<string, Set<EmbeddedSubscription>>();

  constructor(file: EmbeddedLog, log: Logger) {
    this.#file = file;
    this.#messages = new EmbeddedMessages(file);
    this.#log = log;
    this.deadLetters = deadLetterStore(this.#messages, (messages) => this.#append(messages));
    this.#expiry = setInterval(() => {
      this.#messages.expire().catch((error: unknown) => log.error({ err: error }, "old messages were not removed"));
    }, expiryIntervalMs);
    this.#expiry.unref();
  }

  ensureStream(spec: StreamSpec): Promise<void> {
    validateStream(spec);
    return this.#messages.ensureStream(spec);
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    for (const message of messages) validateMessage(message);
    await this.#append(messages);
  }

  async subscribe(spec: ConsumerSpec, handler: BatchHandler): Promise<Subscription> {
    validateConsumer(spec);
    if (!this.#messages.has(spec.stream)) throw new Error(`there is no stream ${spec.stream}`);
    const key = `${spec.stream}/${spec.durable}`;
    const known = this.#consumers.get(key);
    const siblings = known ?? new Set<EmbeddedSubscription>();
    this.#consumers.set(key, siblings);
    const consumer = await EmbeddedConsumer.open(this.#file, this.#messages, spec, known === undefined);
    const subscription = new EmbeddedSubscription(consumer, spec, handler, this.#log);
    siblings.add(subscription);
    return subscription;
  }

  async check(): Promise<string | undefined> {
    try {
      await this.#file.commit(0, () => {});
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#expiry);
    const all = [...this.#consumers.values()].flatMap((subscriptions) => [...subscriptions]);
    await Promise.all(all.map((subscription) => subscription.stop()));
    this.#file.close();
  }

  async #append(messages: readonly OutgoingMessage[]): Promise<void> {
    for (const { subject } of messages) this.#messages.streamOf(subject);
    const work = chunks(messages).map((chunk) => this.#file.commit(chunk.length, () => this.#messages.append(chunk)));
    const results = await Promise.allSettled(work);
    for (const subscriptions of this.#consumers.values()) for (const one of subscriptions) one.notify();
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }
}

function chunks(messages: readonly OutgoingMessage[]): OutgoingMessage[][] {
  const all: OutgoingMessage[][] = [];
  let bytes = 0;
  for (const message of messages) {
    const last = all.at(-1);
    if (last === undefined || last.length === chunkSize || bytes > chunkBytes) {
      all.push([message]);
      bytes = 0;
    } else {
      last.push(message);
    }
    bytes += message.data.length;
  }
  return all;
}
