import { createInbox, type Msg, type MsgHdrs, type NatsConnection, headers as natsHeaders } from "nats";
import type { OutgoingMessage } from "./bus.ts";

export interface PublisherOptions {
  /** Messages on their way at a time; more wait their turn. */
  readonly window: number;
  /** Without an acknowledgement for this long a message is sent again under the same id (milliseconds). */
  readonly ackTimeoutMs: number;
  /** After this long a message counts as not known to be stored (milliseconds). */
  readonly deadlineMs: number;
}

/** When a stream that does not answer is asked again (milliseconds). */
const noResponderDelayMs = 250;

interface Group {
  left: number;
  error: Error | undefined;
  readonly done: (error: Error | undefined) => void;
}

interface Entry {
  readonly message: OutgoingMessage;
  readonly headers: MsgHdrs | undefined;
  readonly group: Group;
  readonly deadline: number;
  sentAt: number;
  problem: string;
}

/**
 * Publishes many messages at a time and matches their acknowledgements on one inbox. The client's own
 * `JetStreamClient.publish` makes a request object per message and costs about eight times as much.
 */
export class JetStreamPublisher {
  readonly #nc: NatsConnection;
  readonly #options: PublisherOptions;
  readonly #inbox = createInbox();
  readonly #inFlight = new Map<string, Entry>();
  #queue: Entry[] = [];
  #next = 0;
  #token = 0;
  #connected = true;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(nc: NatsConnection, options: PublisherOptions) {
    this.#nc = nc;
    this.#options = options;
    nc.subscribe(`${this.#inbox}.*`, { callback: (error, message) => error ?? this.#acknowledged(message) });
  }

  /**
   * Resolves when a stream has stored all of them (or had stored them before, under the same ids). Rejects when one
   * was refused or not acknowledged in time; the others may be stored.
   */
  publish(messages: readonly OutgoingMessage[]): Promise<void> {
    if (messages.length === 0) return Promise.resolve();
    const headers = messages.map(headersOf);
    return new Promise((resolve, reject) => {
      const done = (error: Error | undefined) => (error === undefined ? resolve() : reject(error));
      const group: Group = { left: messages.length, error: undefined, done };
      const deadline = Date.now() + this.#options.deadlineMs;
      messages.forEach((message, i) => {
        const entry = { message, headers: headers[i], group, deadline, sentAt: 0, problem: "no connection" };
        if (this.#closed) this.#finish(entry, new Error("the bus is closed"));
        else this.#queue.push(entry);
      });
      this.#fill();
      this.#timer ??= setInterval(() => this.#tick(), 100);
    });
  }

  /** While disconnected nothing is sent: the client would drop it. */
  disconnected(): void {
    this.#connected = false;
  }

  /** Sends everything unacknowledged again, in its order, then goes on. */
  reconnected(): void {
    this.#connected = true;
    for (const [token, entry] of this.#inFlight) this.#send(token, entry);
    this.#fill();
  }

  /** What is not acknowledged yet is rejected. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    const error = new Error("the bus was closed before the message was acknowledged");
    for (const entry of [...this.#inFlight.values(), ...this.#queue.slice(this.#next)]) this.#finish(entry, error);
    this.#inFlight.clear();
    this.#queue = [];
    this.#next = 0;
  }

  #fill(): void {
    if (!this.#connected) return;
    while (this.#next < this.#queue.length && this.#inFlight.size < this.#options.window) {
      const entry = this.#queue[this.#next++] as Entry;
      const token = (this.#token++).toString(36);
      this.#inFlight.set(token, entry);
      this.#send(token, entry);
    }
    if (this.#next === this.#queue.length && this.#next > 0) {
      this.#queue = [];
      this.#next = 0;
    }
  }

  #send(token: string, entry: Entry): void {
    entry.sentAt = Date.now();
    entry.problem = "not acknowledged";
    try {
      const { subject, data } = entry.message;
      this.#nc.publish(subject, data, { reply: `${this.#inbox}.${token}`, headers: entry.headers });
    } catch (error) {
      // Too large for this server, or closed: no later attempt would do better.
      this.#inFlight.delete(token);
      this.#finish(entry, error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Must not throw: an exception here would end the client's reader. */
  #acknowledged(reply: Msg): void {
    const token = reply.subject.slice(this.#inbox.length + 1);
    const entry = this.#inFlight.get(token);
    if (entry === undefined) return;
    const refusal = refusalOf(reply);
    if (refusal?.later) {
      entry.problem = refusal.text;
      return;
    }
    this.#inFlight.delete(token);
    this.#finish(entry, refusal && new Error(`message ${entry.message.id} was refused: ${refusal.text}`));
    this.#fill();
  }

  #finish({ group }: Entry, error: Error | undefined): void {
    group.error ??= error;
    if (--group.left === 0) group.done(group.error);
  }

  #tick(): void {
    const now = Date.now();
    for (const [token, entry] of this.#inFlight) {
      if (now >= entry.deadline) this.#expire(entry, () => this.#inFlight.delete(token));
      else if (this.#connected && now - entry.sentAt >= this.#patience(entry)) this.#send(token, entry);
    }
    while (this.#next < this.#queue.length && now >= (this.#queue[this.#next] as Entry).deadline) {
      this.#expire(this.#queue[this.#next] as Entry, () => this.#next++);
    }
    this.#fill();
    if (this.#inFlight.size === 0 && this.#queue.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #patience(entry: Entry): number {
    return entry.problem === "not acknowledged" ? this.#options.ackTimeoutMs : noResponderDelayMs;
  }

  #expire(entry: Entry, remove: () => void): void {
    remove();
    const { id, subject } = entry.message;
    this.#finish(entry, new Error(`message ${id} for ${subject} is not known to be stored: ${entry.problem}`));
  }
}

function headersOf({ id, headers }: OutgoingMessage): MsgHdrs | undefined {
  if (id === "" && headers === undefined) return undefined;
  const all = natsHeaders();
  if (id !== "") all.append("Nats-Msg-Id", id);
  for (const [name, value] of Object.entries(headers ?? {})) all.append(name, value);
  return all;
}

/** Undefined for an acknowledgement; `later`: the same message may be accepted in a moment. */
function refusalOf(reply: Msg): { text: string; later: boolean } | undefined {
  if (reply.data.length === 0) return { text: "no stream takes this subject", later: true };
  try {
    const ack = JSON.parse(reply.string()) as { error?: { code: number; description: string } };
    if (ack.error === undefined) return undefined;
    return { text: ack.error.description, later: ack.error.code >= 500 };
  } catch {
    return { text: "the reply is not an acknowledgement", later: false };
  }
}
