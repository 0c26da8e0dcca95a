import type { Delivery, OutgoingMessage, StreamSpec } from "./bus.ts";
import type { JetStreamApi } from "./jetstream-api.ts";
import type { JetStreamPublisher } from "./jetstream-publisher.ts";

/** What is known of a message that was not settled at its first delivery. */
export interface AttemptNote {
  /** Deliveries that count. */
  readonly attempts: number;
  /** It must not share a batch: the one who handled it may have died of it. */
  readonly alone: boolean;
}

/** Notes are needed while a message is redelivered; they end by themselves. */
export const attemptStream: StreamSpec = {
  name: "ATTEMPTS",
  subjects: ["attempts.>"],
  maxAgeMs: 7 * 24 * 60 * 60 * 1000,
  dedupeWindowMs: 1000,
};

/**
 * Counts deliveries that were really handled. JetStream counts each time a message left the server: after three
 * crashes of a consumer its count is three for every message that waited in that process, handled or not. The notes
 * are kept in a stream of their own, the last one per message, shared by all processes of a consumer.
 */
export class AttemptNotes {
  readonly #api: JetStreamApi;
  readonly #publisher: JetStreamPublisher;

  constructor(api: JetStreamApi, publisher: JetStreamPublisher) {
    this.#api = api;
    this.#publisher = publisher;
  }

  async read(durable: string, delivery: Delivery): Promise<AttemptNote | undefined> {
    const message = await this.#api.last(attemptStream.name, subjectOf(durable, delivery));
    if (message === undefined) return undefined;
    const note = JSON.parse(Buffer.from(message.data).toString()) as AttemptNote & { storedAt: number };
    // Another message with this sequence: its stream was deleted and made again.
    return note.storedAt === delivery.storedAt ? note : undefined;
  }

  /** Resolves when the notes are stored. */
  async write(durable: string, notes: readonly (AttemptNote & { delivery: Delivery })[]): Promise<void> {
    const messages = notes.map(
      ({ delivery, attempts, alone }): OutgoingMessage => ({
        subject: subjectOf(durable, delivery),
        id: "",
        data: Buffer.from(JSON.stringify({ attempts, alone, storedAt: delivery.storedAt })),
      }),
    );
    await this.#publisher.publish(messages);
  }
}

function subjectOf(durable: string, { stream, sequence }: Delivery): string {
  return `attempts.${stream}.${durable}.${sequence}`;
}
