import type { NatsConnection } from "nats";
import type { Logger } from "../telemetry/logger.ts";
import type { BatchHandler, ConsumerSpec, EventBus, OutgoingMessage, StreamSpec, Subscription } from "./bus.ts";
import { deadLetterStore, deadLetterStream } from "./dead-letters.ts";
import { JetStreamApi } from "./jetstream-api.ts";
import { AttemptNotes, attemptStream } from "./jetstream-attempts.ts";
import { ensureConsumer, ensureStream } from "./jetstream-config.ts";
import { connectNats, type NatsOptions, watchConnection } from "./jetstream-connection.ts";
import { JetStreamPublisher, type PublisherOptions } from "./jetstream-publisher.ts";
import { JetStreamSubscription } from "./jetstream-subscription.ts";
import { validateConsumer, validateMessage, validateStream } from "./message.ts";

export interface JetStreamBusOptions extends Partial<PublisherOptions> {
  readonly natsUrl: NatsOptions["natsUrl"];
  readonly log: Logger;
  readonly tls?: NatsOptions["tls"];
  /** How long the first connection is waited for (milliseconds); afterwards it is looked for for ever. */
  readonly connectWaitMs?: number;
}

/**
 * The bus on NATS JetStream, server 2.9 or newer. An acknowledged publish is in the server's file; whether it is on
 * the disk is the server's `sync_interval` (default two minutes; `always` for money), which no client can see.
 */
export async function openJetStreamBus(options: JetStreamBusOptions): Promise<EventBus> {
  const nc = await connectNats({ ...options, waitMs: options.connectWaitMs ?? 30_000 });
  try {
    const bus = new JetStreamBus(nc, options);
    await bus.prepare();
    return bus;
  } catch (error) {
    await nc.close();
    throw error;
  }
}

class JetStreamBus implements EventBus {
  readonly kind = "jetstream";
  readonly unsupported = new Set<string>();
  readonly deadLetters: EventBus["deadLetters"];
  readonly #nc: NatsConnection;
  readonly #log: Logger;
  readonly #api: JetStreamApi;
  readonly #publisher: JetStreamPublisher;
  readonly #notes: AttemptNotes;
  /** To be made again where a server comes back without them. */
  readonly #streams = new Map<string, StreamSpec>();
  readonly #subscriptions = new Set<JetStreamSubscription>();
  #connected = true;

  constructor(nc: NatsConnection, options: JetStreamBusOptions) {
    this.#nc = nc;
    this.#log = options.log;
    this.#api = new JetStreamApi(nc);
    const { window = 1000, ackTimeoutMs = 2000, deadlineMs = 15_000 } = options;
    this.#publisher = new JetStreamPublisher(nc, { window, ackTimeoutMs, deadlineMs });
    this.#notes = new AttemptNotes(this.#api, this.#publisher);
    this.deadLetters = deadLetterStore(this.#api, (messages) => this.#publisher.publish(messages));
    watchConnection(nc, options.log, {
      disconnect: () => this.#disconnected(),
      reconnect: () => this.#reconnected(),
    }).catch((error: unknown) => options.log.error({ err: error }, "the connection to NATS is no longer watched"));
  }

  /** The bus's own streams. */
  async prepare(): Promise<void> {
    await this.ensureStream(deadLetterStream);
    await this.ensureStream(attemptStream);
  }

  async ensureStream(spec: StreamSpec): Promise<void> {
    validateStream(spec);
    await ensureStream(this.#api, spec, spec === attemptStream ? { max_msgs_per_subject: 1 } : {});
    this.#streams.set(spec.name, spec);
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    for (const message of messages) validateMessage(message);
    await this.#publisher.publish(messages);
  }

  async subscribe(spec: ConsumerSpec, handler: BatchHandler): Promise<Subscription> {
    validateConsumer(spec);
    const { publisher, notes, log } = { publisher: this.#publisher, notes: this.#notes, log: this.#log };
    const ensure = (wanted: ConsumerSpec) => this.#ensureConsumer(wanted);
    const subscription = new JetStreamSubscription({ nc: this.#nc, publisher, notes, log, ensure }, spec, handler);
    this.#subscriptions.add(subscription);
    try {
      await subscription.start();
    } catch (error) {
      this.#subscriptions.delete(subscription);
      await subscription.stop();
      throw error;
    }
    return subscription;
  }

  async check(): Promise<string | undefined> {
    if (!this.#connected || this.#nc.isClosed()) return "not connected to NATS";
    try {
      await this.#api.call("INFO");
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.stop()));
    this.#publisher.close();
    await this.#nc.close();
  }

  async #ensureConsumer(spec: ConsumerSpec): Promise<{ filtered: boolean }> {
    for (const name of [spec.stream, attemptStream.name, deadLetterStream.name]) {
      const stream = this.#streams.get(name);
      if (stream !== undefined) await this.ensureStream(stream);
    }
    const { filtered } = await ensureConsumer(this.#api, spec);
    if (!filtered) this.unsupported.add("several filters on one consumer");
    return { filtered };
  }

  #disconnected(): void {
    this.#connected = false;
    this.#publisher.disconnected();
    for (const subscription of this.#subscriptions) subscription.disconnected();
  }

  #reconnected(): void {
    this.#connected = true;
    this.#publisher.reconnected();
    for (const subscription of this.#subscriptions) subscription.reconnected();
  }
}
