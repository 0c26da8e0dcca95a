import { type NatsConnection, NatsError } from "nats";
import type { StoredMessage, StreamReader } from "./dead-letters.ts";

/** What JetStream answered instead of what it was asked for. */
export class JetStreamError extends Error {
  override readonly name = "JetStreamError";
  /** HTTP-like: 404 not found, 503 JetStream is not there (yet). */
  readonly code: number;

  constructor(call: string, error: { code?: number; description?: string }) {
    super(`JetStream ${call}: ${error.description ?? "error"}`);
    this.code = error.code ?? 500;
  }
}

type Json = Record<string, unknown>;

/**
 * The JetStream API calls that the bus needs, as the server documents them (JSON over request and reply). The client's
 * own manager decides by server version what may be asked; here everything is asked and then read back.
 */
export class JetStreamApi implements StreamReader {
  readonly #nc: NatsConnection;

  constructor(nc: NatsConnection) {
    this.#nc = nc;
  }

  /** Throws JetStreamError, or NatsError when there is no connection or no answer. */
  async call(name: string, body: Json = {}): Promise<Json> {
    let reply: Json;
    try {
      const message = await this.#nc.request(`$JS.API.${name}`, JSON.stringify(body), { timeout: 5000 });
      reply = JSON.parse(message.string()) as Json;
    } catch (error) {
      if (error instanceof NatsError && error.code === "503") {
        throw new JetStreamError(name, { code: 503, description: "no server with JetStream answers" });
      }
      throw error;
    }
    if (reply.error) throw new JetStreamError(name, reply.error);
    return reply;
  }

  /** Undefined for what does not exist. */
  async find(name: string, body: Json = {}): Promise<Json | undefined> {
    try {
      return await this.call(name, body);
    } catch (error) {
      if (error instanceof JetStreamError && error.code === 404) return undefined;
      throw error;
    }
  }

  get(stream: string, sequence: number): Promise<StoredMessage | undefined> {
    return this.#message(stream, { seq: sequence });
  }

  next(stream: string, filter: string, from: number): Promise<StoredMessage | undefined> {
    return this.#message(stream, { seq: from, next_by_subj: filter });
  }

  last(stream: string, subject: string): Promise<StoredMessage | undefined> {
    return this.#message(stream, { last_by_subj: subject });
  }

  async remove(stream: string, sequence: number): Promise<boolean> {
    try {
      await this.call(`STREAM.MSG.DELETE.${stream}`, { seq: sequence });
      return true;
    } catch (error) {
      // What is said of a message that is not there depends on where it would be, and on the version.
      if (error instanceof JetStreamError && (await this.get(stream, sequence)) === undefined) return false;
      throw error;
    }
  }

  async #message(stream: string, query: Json): Promise<StoredMessage | undefined> {
    const reply = await this.find(`STREAM.MSG.GET.${stream}`, query);
    if (reply === undefined) return undefined;
    const message = reply.message as { subject: string; seq: number; data?: string; hdrs?: string; time: string };
    const headers = parseHeaders(Buffer.from(message.hdrs ?? "", "base64").toString("utf8"));
    return {
      subject: message.subject,
      sequence: message.seq,
      id: headers["Nats-Msg-Id"] ?? "",
      data: new Uint8Array(Buffer.from(message.data ?? "", "base64")),
      headers: withoutBrokers(headers),
      storedAt: Date.parse(message.time),
    };
  }
}

/** Headers of a message without those that are the broker's; of a repeated header the first counts. */
function withoutBrokers(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith("Nats-")));
}

function parseHeaders(block: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of block.split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    if (colon > 0) headers[line.slice(0, colon)] ??= line.slice(colon + 1).trim();
  }
  return headers;
}
