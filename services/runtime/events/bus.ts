/** A durable, ordered store of messages on some subjects (a JetStream stream, or its embedded counterpart). */
export interface StreamSpec {
  readonly name: string;
  /** Subjects it captures; `*` one token, `>` the rest. */
  readonly subjects: readonly string[];
  /** Messages older than this are dropped (milliseconds). */
  readonly maxAgeMs: number;
  /** A second message with the same id inside this window is stored once (milliseconds). */
  readonly dedupeWindowMs: number;
}

/** A durable pull consumer: several processes may share one, each message is with one of them at a time. */
export interface ConsumerSpec {
  readonly stream: string;
  readonly durable: string;
  readonly subjects: readonly string[];
  /** Without an answer for this long a message is delivered again (milliseconds). */
  readonly ackWaitMs: number;
  /** Deliveries after which a message that still fails goes to the dead letters. */
  readonly maxDeliveries: number;
  /** Delay before delivery n+1 (milliseconds); the last entry repeats. */
  readonly backoffMs: readonly number[];
  /** Most messages handed to one handler call. */
  readonly batchSize: number;
  /** Batches grow up to `batchSize` and shrink so that one takes the handler about so long (milliseconds). Default: always as large as they may be. */
  readonly batchTargetMs?: number;
  /** Most batches in the handler's hands at a time, where the bus can do more than one. Default 1. */
  readonly concurrency?: number;
  /** Work that comes first: while it is busy, batches are put off, for so many milliseconds at most (see `GiveWay`). */
  readonly giveWayTo?: { busy(): boolean; readonly batchMs: number; readonly atMostMs: number };
}

export interface OutgoingMessage {
  readonly subject: string;
  /** Dedupe key inside the stream's window. */
  readonly id: string;
  readonly data: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One delivery of a stored message. */
export interface Delivery {
  readonly stream: string;
  readonly subject: string;
  /** Sequence in the stream: the message's identity whatever its id. */
  readonly sequence: number;
  /** The publisher's id, or "" for a foreign message without one; a replayed message has a new one. */
  readonly id: string;
  readonly data: Uint8Array;
  /** Without the broker's own (`Nats-...`). */
  readonly headers: Readonly<Record<string, string>>;
  /** When the broker stored it first (epoch milliseconds): a replayed message keeps its original time. */
  readonly storedAt: number;
  /** 1 on the first delivery; counts how often this consumer was handed the message, this time included. */
  readonly attempt: number;
}

/** What becomes of one delivery; every delivery of a batch gets exactly one. */
export type Outcome =
  | { readonly kind: "ack" }
  /** Try again after the consumer's backoff, or after `delayMs`; dead-lettered after the last delivery. */
  | { readonly kind: "retry"; readonly reason: string; readonly delayMs?: number }
  /** Never again: to the dead letters, with this reason. */
  | { readonly kind: "reject"; readonly reason: string };

/**
 * Handles a batch; outcomes in the order of the deliveries. Called for one batch at a time unless the consumer's
 * `concurrency` allows more (a redelivered message never shares the handler with another batch); the next fetch runs
 * meanwhile. Effects must be committed before it resolves: acks follow.
 *
 * A throw means `retry` for all of them, and so does the death of the process; which of them was the cause is then
 * unknown, so each of them comes again alone. A message that ends every process it is handed to is thereby found and
 * dead-lettered, and the messages that were beside it are not.
 */
export type BatchHandler = (batch: readonly Delivery[]) => Promise<readonly Outcome[]>;

export interface Subscription {
  /** True while the consumer is connected, fetching, and its handler answers within ten ack waits: part of readiness. */
  readonly healthy: boolean;
  /** Stops fetching, lets the batch in hand finish and its acks leave; does not wait for a handler that never answers. */
  stop(): Promise<void>;
}

/** A message nobody could handle, with its original bytes and why. */
export interface DeadLetter {
  /** Sequence in the dead-letter stream. */
  readonly sequence: number;
  readonly stream: string;
  readonly consumer: string;
  readonly originalSubject: string;
  readonly originalSequence: number;
  readonly originalId: string;
  readonly reason: string;
  readonly attempts: number;
  /** When the broker stored the original and when it was given up (epoch milliseconds). */
  readonly storedAt: number;
  readonly deadAt: number;
  readonly data: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

export interface DeadLetterStore {
  /** Newest last; `after` is an exclusive sequence, `limit` at most 500. */
  list(filter: { stream?: string; consumer?: string; after?: number; limit: number }): Promise<DeadLetter[]>;
  get(sequence: number): Promise<DeadLetter | undefined>;
  /**
   * Publishes the original bytes to the original subject under a new id, for the consumer that gave them up and no
   * other (the others have handled them), then removes the dead letter. False when there is none.
   */
  replay(sequence: number): Promise<boolean>;
  discard(sequence: number): Promise<boolean>;
}

/**
 * Messages between services. Both implementations (JetStream, embedded) promise the same: at-least-once delivery,
 * an acknowledged publish is stored, dedupe by id inside the window, order of first deliveries per stream.
 */
export interface EventBus {
  readonly kind: "jetstream" | "embedded";
  ensureStream(spec: StreamSpec): Promise<void>;
  /** Resolves when all are stored; rejects when one is not known to be (publish again with the same ids). */
  publish(messages: readonly OutgoingMessage[]): Promise<void>;
  subscribe(spec: ConsumerSpec, handler: BatchHandler): Promise<Subscription>;
  readonly deadLetters: DeadLetterStore;
  /** Wanted features that the broker lacks, found by reading back what it stored; the bus does without them. */
  readonly unsupported: ReadonlySet<string>;
  /** Undefined when the bus answers, else why not: part of readiness. */
  check(): Promise<string | undefined>;
  close(): Promise<void>;
}
