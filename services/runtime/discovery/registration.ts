import type { NatsConnection } from "nats";
import { connectNats, type NatsOptions, watchConnection } from "../events/jetstream-connection.ts";
import type { Logger } from "../telemetry/logger.ts";
import { heartbeatMs, RegistryBucket } from "./bucket.ts";
import { encodeInstance, type Instance, instanceKey } from "./instance.ts";

export interface RegistrationOptions extends Omit<NatsOptions, "waitMs" | "name"> {
  /** How long the first connection is waited for (milliseconds). Default 30 s. */
  readonly connectWaitMs?: number;
  readonly heartbeatMs?: number;
}

/** A process's entries in the registry. While NATS is away they are kept by nobody, and written again when it is back. */
export interface Registration {
  /**
   * Registers these, ready, and keeps them alive. Call it once they serve. Never rejects: what cannot be written now is with
   * the next heartbeat.
   */
  start(instances: readonly Omit<Instance, "state">[]): Promise<void>;
  /** Tells that they take no new requests. Never rejects: a stop goes on without NATS. */
  drain(): Promise<void>;
  /** Takes them out and closes the connection. Never rejects: who cannot say so is missed soon. */
  stop(): Promise<void>;
}

/** Connects to NATS; throws when it cannot be reached. */
export async function openRegistration(options: RegistrationOptions): Promise<Registration> {
  const { log, connectWaitMs = 30_000, heartbeatMs: periodMs = heartbeatMs } = options;
  const nc = await connectNats({ ...options, name: "registration", waitMs: connectWaitMs });
  return new BucketRegistration(nc, log, periodMs);
}

class BucketRegistration implements Registration {
  readonly #nc: NatsConnection;
  readonly #bucket: RegistryBucket;
  readonly #log: Logger;
  readonly #periodMs: number;
  #instances: readonly Instance[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** One write after the other: a late heartbeat must not undo what came after it. */
  #last: Promise<void> = Promise.resolve();
  #beating = false;
  #failing = false;
  #connected = true;

  constructor(nc: NatsConnection, log: Logger, periodMs: number) {
    this.#nc = nc;
    this.#bucket = new RegistryBucket(nc);
    this.#log = log;
    this.#periodMs = periodMs;
    void watchConnection(nc, log, {
      disconnect: () => {
        this.#connected = false;
      },
      reconnect: () => {
        this.#connected = true;
        void this.#heartbeat();
      },
    });
  }

  async start(instances: readonly Omit<Instance, "state">[]): Promise<void> {
    this.#instances = instances.map((instance) => ({ ...instance, state: "ready" }));
    this.#timer = setInterval(() => {
      // One that takes long is not followed by a queue of others.
      if (!this.#beating) void this.#heartbeat();
    }, this.#periodMs);
    await this.#heartbeat();
    for (const { instanceId, address, port } of instances) this.#log.info({ instanceId, address, port }, "registered");
  }

  async drain(): Promise<void> {
    this.#instances = this.#instances.map((instance) => ({ ...instance, state: "draining" }));
    await this.#heartbeat();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const leaving = this.#instances;
    this.#instances = [];
    await this.#inTurn(async () => {
      if (!this.#connected || this.#nc.isClosed()) return;
      const all = Promise.all(leaving.map((instance) => this.#bucket.delete(instanceKey(instance))));
      await all.catch((error: unknown) => this.#log.warn({ err: error }, "the registry was not told of our leaving"));
    });
    await this.#nc.close();
  }

  /** Never rejects; failures are told once. */
  async #heartbeat(): Promise<void> {
    if (this.#instances.length === 0) return;
    this.#beating = true;
    try {
      await this.#inTurn(() => this.#write());
      if (this.#failing) this.#log.info("registered again");
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#log.warn({ err: error }, "the registry does not take our heartbeat");
      this.#failing = true;
    } finally {
      this.#beating = false;
    }
  }

  async #write(): Promise<void> {
    if (!this.#connected) throw new Error("there is no connection to NATS");
    const write = () =>
      Promise.all(this.#instances.map((one) => this.#bucket.put(instanceKey(one), encodeInstance(one))));
    try {
      await write();
    } catch {
      // A server that came back without its store, or a first start.
      await this.#bucket.ensure();
      await write();
    }
  }

  #inTurn(work: () => Promise<unknown>): Promise<void> {
    const done = this.#last.then(async () => void (await work()));
    this.#last = done.catch(() => {});
    return done;
  }
}
