import { headers, type NatsConnection } from "nats";
import { JetStreamApi } from "../events/jetstream-api.ts";

/** The KV bucket of the registry: every KV client of NATS reads it (`nats kv watch MESH_REGISTRY`). */
export const registryBucket = "MESH_REGISTRY";

/** A KV bucket is a stream of this name, whose subjects begin so (NATS ADR-8). */
const stream = `KV_${registryBucket}`;
const subjectPrefix = `$KV.${registryBucket}.`;

/** Says that an entry deletes its key. */
const operationHeader = "KV-Operation";
/** Of one write; a heartbeat that takes longer is followed by the next. */
const putTimeoutMs = 1_500;

/** How often an instance says that it lives (milliseconds). */
export const heartbeatMs = 2_000;
/** An instance that said nothing for so long is gone (milliseconds): two heartbeats may be lost. */
export const expiryMs = 6_000;

/**
 * Crashed instances leave the bucket after this (milliseconds). Far more than `expiryMs`: watchers judge by their own clock,
 * and what a new one reads right after an outage of NATS should still name those who live.
 */
const retentionMs = 5 * 60_000;

/** A key's latest value; undefined: it was deleted. */
export interface Entry {
  readonly key: string;
  readonly value: string | undefined;
}

/** The bucket over one connection. Calls throw JetStreamError, or NatsError when there is no connection or no answer. */
export class RegistryBucket {
  readonly #nc: NatsConnection;
  readonly #api: JetStreamApi;

  constructor(nc: NatsConnection) {
    this.#nc = nc;
    this.#api = new JetStreamApi(nc);
  }

  /** Makes the bucket where it is missing. */
  async ensure(): Promise<void> {
    if ((await this.#api.find(`STREAM.INFO.${stream}`)) !== undefined) return;
    try {
      await this.#api.call(`STREAM.CREATE.${stream}`, {
        name: stream,
        subjects: [`${subjectPrefix}>`],
        retention: "limits",
        storage: "file",
        discard: "new",
        num_replicas: 1,
        max_msgs_per_subject: 1,
        max_age: retentionMs * 1e6,
        // What a KV bucket is (NATS ADR-8).
        allow_rollup_hdrs: true,
        deny_delete: true,
        allow_direct: true,
      });
    } catch (error) {
      // Another process was faster.
      if ((await this.#api.find(`STREAM.INFO.${stream}`)) === undefined) throw error;
    }
  }

  async put(key: string, value: string): Promise<void> {
    await this.#publish(key, value, undefined);
  }

  async delete(key: string): Promise<void> {
    await this.#publish(key, "", "DEL");
  }

  /** Every key's latest entry. One that changes meanwhile may come twice; none is missed. */
  async *entries(): AsyncGenerator<Entry> {
    for (let from = 1; ; ) {
      const message = await this.#api.next(stream, `${subjectPrefix}>`, from);
      if (message === undefined) return;
      yield entryOf(message.subject, new TextDecoder().decode(message.data), message.headers[operationHeader]);
      from = message.sequence + 1;
    }
  }

  /**
   * Calls `listener` with every entry that is written from now on, while the server can be reached; nothing is repeated after
   * an outage. The result ends that.
   */
  subscribe(listener: (entry: Entry) => void): () => void {
    const subscription = this.#nc.subscribe(`${subjectPrefix}>`, {
      callback: (error, message) => {
        if (error === null) listener(entryOf(message.subject, message.string(), message.headers?.get(operationHeader)));
      },
    });
    return () => subscription.unsubscribe();
  }

  async #publish(key: string, value: string, operation: string | undefined): Promise<void> {
    const header = operation === undefined ? undefined : headers();
    header?.set(operationHeader, operation ?? "");
    const reply = await this.#nc.request(`${subjectPrefix}${key}`, value, { timeout: putTimeoutMs, headers: header });
    const { error } = reply.json<{ error?: { description?: string } }>();
    if (error !== undefined) throw new Error(`the registry refuses ${key}: ${error.description ?? "error"}`);
  }
}

function entryOf(subject: string, value: string, operation: string | undefined): Entry {
  const deleted = operation !== undefined && operation !== "";
  return { key: subject.slice(subjectPrefix.length), value: deleted ? undefined : value };
}
