import type { DeadLetter, DeadLetterStore, Delivery, OutgoingMessage, StreamSpec } from "./bus.ts";

const day = 24 * 60 * 60 * 1000;

/**
 * Where dead letters are kept, for 30 days: long enough for an operator's holiday, and then they end. The dedupe window
 * is the time in which a crash between the dead letter and the end of its original makes no second one.
 */
export const deadLetterStream: StreamSpec = {
  name: "DLQ",
  subjects: ["dlq.>"],
  maxAgeMs: 30 * day,
  dedupeWindowMs: day,
};

/** A message as a stream keeps it; headers without the broker's own. */
export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly id: string;
  readonly data: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly storedAt: number;
}

/** Access to single messages of a stream. */
export interface StreamReader {
  get(stream: string, sequence: number): Promise<StoredMessage | undefined>;
  /** The first message from this sequence on whose subject matches. */
  next(stream: string, filter: string, from: number): Promise<StoredMessage | undefined>;
  remove(stream: string, sequence: number): Promise<boolean>;
}

const dead = {
  reason: "Ordermesh-Dead-Reason",
  stream: "Ordermesh-Dead-Stream",
  consumer: "Ordermesh-Dead-Consumer",
  subject: "Ordermesh-Dead-Subject",
  sequence: "Ordermesh-Dead-Sequence",
  id: "Ordermesh-Dead-Id",
  attempts: "Ordermesh-Dead-Attempts",
  storedAt: "Ordermesh-Dead-Stored-At",
  /** Present when the original was too large to be copied: its bytes are read from its stream. */
  left: "Ordermesh-Dead-Data-Left-In-Stream",
} as const;

const replay = {
  consumer: "Ordermesh-Replay-For",
  id: "Ordermesh-Replay-Of-Id",
  storedAt: "Ordermesh-Replay-Of-Stored-At",
} as const;

const ours = new Set<string>([...Object.values(dead), ...Object.values(replay)]);

/** A reason is cut here: it is for people, and it must fit a header. */
const maxReasonLength = 1000;

/**
 * The dead letter of a delivery: its original bytes and headers, and why. The id is derived from the original, so that
 * making it twice stores it once. `fits` false: the copy would be too large for the broker.
 */
export function deadLetterOf(
  consumer: string,
  delivery: Delivery,
  reason: string,
  fits: (message: OutgoingMessage) => boolean = () => true,
): OutgoingMessage {
  const { stream, sequence, storedAt } = delivery;
  const about = {
    [dead.reason]: encodeURI(reason.slice(0, maxReasonLength).toWellFormed()),
    [dead.stream]: stream,
    [dead.consumer]: consumer,
    [dead.subject]: delivery.subject,
    [dead.sequence]: String(sequence),
    [dead.id]: delivery.id,
    [dead.attempts]: String(delivery.attempt),
    [dead.storedAt]: String(storedAt),
  };
  const message = {
    subject: `dlq.${stream}.${consumer}`,
    id: `dead.${stream}.${consumer}.${sequence}.${storedAt}`,
    data: delivery.data,
    headers: { ...delivery.headers, ...about },
  };
  if (fits(message)) return message;
  return { ...message, data: new Uint8Array(), headers: { ...about, [dead.left]: "yes" } };
}

/** A stored message as its consumer sees it. */
export function deliveryOf(stream: string, message: StoredMessage, attempt: number): Delivery {
  const original = message.headers[replay.storedAt];
  return { ...message, stream, attempt, storedAt: original === undefined ? message.storedAt : Number(original) };
}

/** False for a replay that is meant for another consumer of the stream. */
export function isFor(durable: string, headers: Readonly<Record<string, string>>): boolean {
  const only = headers[replay.consumer];
  return only === undefined || only === durable;
}

/** Dead letters over any broker that lets single messages be read and removed. */
export function deadLetterStore(
  reader: StreamReader,
  publish: (messages: readonly OutgoingMessage[]) => Promise<void>,
): DeadLetterStore {
  const stream = deadLetterStream.name;

  async function decode(message: StoredMessage): Promise<DeadLetter> {
    const { headers } = message;
    const text = (name: string) => headers[name] ?? "";
    return {
      sequence: message.sequence,
      stream: text(dead.stream),
      consumer: text(dead.consumer),
      originalSubject: text(dead.subject),
      originalSequence: Number(text(dead.sequence)),
      originalId: text(dead.id),
      reason: decodeReason(text(dead.reason)),
      attempts: Number(text(dead.attempts)),
      storedAt: Number(text(dead.storedAt)),
      deadAt: message.storedAt,
      data: (await bytesOf(message)) ?? new Uint8Array(),
      headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !ours.has(name))),
    };
  }

  /** Undefined when they were left in their stream and have passed its age. */
  async function bytesOf({ headers, data }: StoredMessage): Promise<Uint8Array | undefined> {
    if (headers[dead.left] === undefined) return data;
    return (await reader.get(headers[dead.stream] ?? "", Number(headers[dead.sequence])))?.data;
  }

  async function get(sequence: number): Promise<DeadLetter | undefined> {
    const message = await reader.get(stream, sequence);
    return message === undefined ? undefined : decode(message);
  }

  return {
    get,
    async list({ stream: origin = "*", consumer = "*", after = 0, limit }) {
      const letters: DeadLetter[] = [];
      let from = after + 1;
      while (letters.length < Math.min(limit, 500)) {
        const message = await reader.next(stream, `dlq.${origin}.${consumer}`, from);
        if (message === undefined) break;
        letters.push(await decode(message));
        from = message.sequence + 1;
      }
      return letters;
    },
    async replay(sequence) {
      const message = await reader.get(stream, sequence);
      if (message === undefined) return false;
      const letter = await decode(message);
      const data = await bytesOf(message);
      if (data === undefined) throw new Error(`the bytes of dead letter ${sequence} have passed their stream's age`);
      const headers = {
        ...letter.headers,
        [replay.consumer]: letter.consumer,
        [replay.storedAt]: String(letter.storedAt),
        ...(letter.originalId === "" ? {} : { [replay.id]: letter.originalId }),
      };
      // The same id when asked again: a crash before the removal does not publish a second one.
      const id = `replay.${sequence}.${letter.deadAt}`;
      await publish([{ subject: letter.originalSubject, id, data, headers }]);
      await reader.remove(stream, sequence);
      return true;
    },
    discard: (sequence) => reader.remove(stream, sequence),
  };
}

function decodeReason(encoded: string): string {
  try {
    return decodeURI(encoded);
  } catch {
    return encoded;
  }
}
