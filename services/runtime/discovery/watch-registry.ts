import { setTimeout as sleep } from "node:timers/promises";
import type { NatsConnection } from "nats";
import { connectNats, type NatsOptions, watchConnection } from "../events/jetstream-connection.ts";
import type { Logger } from "../telemetry/logger.ts";
import { type Entry, expiryMs, RegistryBucket } from "./bucket.ts";
import { decodeInstance, type Instance } from "./instance.ts";
import { Presence } from "./presence.ts";

export interface RegistryWatchOptions extends Omit<NatsOptions, "waitMs" | "name"> {
  /** How long the first connection is waited for (milliseconds). Default 30 s. */
  readonly connectWaitMs?: number;
  /** An instance that said nothing for so long is gone (milliseconds). */
  readonly expiryMs?: number;
}

/** Who is registered, as this process sees it. */
export interface RegistryWatch {
  /** By service and id. A new array after every change. */
  readonly instances: readonly Instance[];
  /** Whether that is what the registry says now: false while NATS does not answer (then nobody leaves, either). */
  isCurrent(): boolean;
  /** `listener` is called after every change of `instances`; not for heartbeats. The result ends that. */
  onChange(listener: (instances: readonly Instance[]) => void): () => void;
  close(): Promise<void>;
}

/** Between two attempts to read the registry at the start (milliseconds). */
const retryMs = 200;

/** Watches the registry; everybody who is in it is in the result's `instances`. Throws when NATS cannot be reached. */
export async function watchRegistry(options: RegistryWatchOptions): Promise<RegistryWatch> {
  const { log, connectWaitMs = 30_000, expiryMs: silenceMs = expiryMs } = options;
  const nc = await connectNats({ ...options, name: "registry", waitMs: connectWaitMs });
  const watch = new BucketWatch(nc, log, silenceMs);
  try {
    await watch.untilLoaded(connectWaitMs);
    return watch;
  } catch (error) {
    await watch.close();
    throw error;
  }
}

class BucketWatch implements RegistryWatch {
  readonly #nc: NatsConnection;
  readonly #bucket: RegistryBucket;
  readonly #log: Logger;
  readonly #presence: Presence;
  readonly #listeners = new Set<(instances: readonly Instance[]) => void>();
  readonly #unsubscribe: () => void;
  readonly #timer: NodeJS.Timeout;
  #instances: readonly Instance[] = [];
  /** Whether everything written before the subscription is known. */
  #loaded = false;
  #looking: Promise<string | undefined> | undefined;

  constructor(nc: NatsConnection, log: Logger, silenceMs: number) {
    this.#nc = nc;
    this.#bucket = new RegistryBucket(nc);
    this.#log = log;
    this.#presence = new Presence(silenceMs);
    // Before the first load: what is written meanwhile comes this way.
    this.#unsubscribe = this.#bucket.subscribe((entry) => {
      if (this.#apply(entry)) this.#tell();
    });
    this.#timer = setInterval(() => void this.#look(), silenceMs / 6);
    void watchConnection(nc, log, { disconnect: () => this.#lost(), reconnect: () => void this.#look() });
  }

  get instances(): readonly Instance[] {
    return this.#instances;
  }

  isCurrent(): boolean {
    return this.#loaded && this.#presence.hears(performance.now());
  }

  onChange(listener: (instances: readonly Instance[]) => void): () => void {
    const entry = (instances: readonly Instance[]) => listener(instances);
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#listeners.clear();
    if (!this.#nc.isClosed()) this.#unsubscribe();
    await this.#nc.close();
  }

  /** Waits until everything has been read. Throws when that takes longer than `waitMs`. */
  async untilLoaded(waitMs: number): Promise<void> {
    const until = performance.now() + waitMs;
    for (;;) {
      const problem = await this.#look();
      if (this.#loaded) return;
      if (performance.now() >= until) throw new Error(`the registry in NATS cannot be read: ${problem}`);
      await sleep(retryMs);
    }
  }

  #lost(): void {
    this.#loaded = false;
    this.#presence.lost();
  }

  /** Whether the registry answers, and who has been silent for too long. Gives the reason when it does not. */
  async #look(): Promise<string | undefined> {
    this.#looking ??= this.#ask().finally(() => {
      this.#looking = undefined;
    });
    return await this.#looking;
  }

  async #ask(): Promise<string | undefined> {
    try {
      const changed = this.#loaded ? false : await this.#load();
      // The answer comes after everything that the server passed on to us before.
      await this.#nc.flush();
      if (this.#presence.answered(performance.now()) || changed) this.#tell();
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Reads what was written before; who is not in it may still say that he lives. */
  async #load(): Promise<boolean> {
    const startedAt = performance.now();
    let changed = false;
    await this.#bucket.ensure();
    for await (const entry of this.#bucket.entries()) {
      if (!this.#presence.heardOf(entry.key, startedAt)) changed = this.#apply(entry) || changed;
    }
    this.#loaded = !this.#nc.isClosed();
    return changed;
  }

  #apply({ key, value }: Entry): boolean {
    const now = performance.now();
    if (value === undefined) return this.#presence.left(key, now);
    const instance = decodeInstance(key, value);
    if (instance !== undefined) return this.#presence.seen(instance, now);
    this.#log.warn({ key }, "an entry of the registry is no instance");
    return false;
  }

  #tell(): void {
    this.#instances = this.#presence.instances;
    for (const listener of [...this.#listeners]) listener(this.#instances);
  }
}
