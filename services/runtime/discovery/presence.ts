import { type Instance, instanceKey } from "./instance.ts";

interface Member {
  readonly instance: Instance;
  /** When it last said that it lives. */
  readonly seenAt: number;
}

/**
 * Who is there, judged by signs of life and this process's own clock (milliseconds of performance.now; every call says what
 * time it is). Silence counts against an instance only while the registry answers: nobody can be heard through one that is
 * away, and after it is back everybody has the whole time again.
 */
export class Presence {
  readonly #silenceMs: number;
  readonly #members = new Map<string, Member>();
  /** When something was last heard of a key, its end included. */
  readonly #newsAt = new Map<string, number>();
  /** The registry's last answer. */
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** Since when it has answered without a break. */
  #listeningSince = Number.NEGATIVE_INFINITY;

  /** An instance that is silent for `silenceMs` is gone; a registry that is silent for half as long is away. */
  constructor(silenceMs: number) {
    this.#silenceMs = silenceMs;
  }

  /** By service and id. */
  get instances(): readonly Instance[] {
    const sorted = [...this.#members].sort(([a], [b]) => (a < b ? -1 : 1));
    return sorted.map(([, { instance }]) => instance);
  }

  /** Whether the registry has answered just now. */
  hears(now: number): boolean {
    return now - this.#answeredAt <= this.#silenceMs / 2;
  }

  /** A sign of life. True when it tells something new. */
  seen(instance: Instance, now: number): boolean {
    const key = instanceKey(instance);
    const before = this.#members.get(key);
    this.#members.set(key, { instance, seenAt: now });
    this.#newsAt.set(key, now);
    return before === undefined || JSON.stringify(before.instance) !== JSON.stringify(instance);
  }

  /** It said that it leaves. True when it was there. */
  left(key: string, now: number): boolean {
    this.#newsAt.set(key, now);
    return this.#members.delete(key);
  }

  /** Whether something was heard of `key` since `time`: what was asked then may be older. */
  heardOf(key: string, time: number): boolean {
    return (this.#newsAt.get(key) ?? Number.NEGATIVE_INFINITY) >= time;
  }

  /** The registry answered: everything that it passed on before has been heard. True when somebody is gone. */
  answered(now: number): boolean {
    if (!this.hears(now)) this.#listeningSince = now;
    this.#answeredAt = now;
    let changed = false;
    for (const [key, { seenAt }] of this.#members) {
      if (now - Math.max(seenAt, this.#listeningSince) > this.#silenceMs)
        changed = this.#members.delete(key) || changed;
    }
    for (const [key, at] of this.#newsAt) {
      if (now - at > this.#silenceMs && !this.#members.has(key)) this.#newsAt.delete(key);
    }
    return changed;
  }

  /** The connection broke. */
  lost(): void {
    this.#answeredAt = Number.NEGATIVE_INFINITY;
  }
}
