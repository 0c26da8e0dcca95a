import { setTimeout as sleep } from "node:timers/promises";

/** Undefined when all is well, else why not. A throw counts as its message. */
export type Check = () => string | undefined | Promise<string | undefined>;

/** Something that keeps the process from being ready. */
export interface Reason {
  readonly name: string;
  readonly reason: string;
}

/** What the gRPC health service shows (grpc.health.v1). */
export interface ReadinessSource {
  status(): "SERVING" | "NOT_SERVING";
  /** `listener` is called after each change of the status; the result ends that. */
  subscribe(listener: () => void): () => void;
}

export type Phase = "starting" | "running" | "stopping";

/** Whether this process should get requests: it has started, is not stopping, and all its checks pass. */
export interface Readiness extends ReadinessSource {
  add(name: string, check: Check): void;
  /** As of the last look. */
  reasons(): readonly Reason[];
  /** Looks again unless the last look is younger than `maxAgeMs` (default: the cache's); overlapping looks are one. */
  refresh(maxAgeMs?: number): Promise<readonly Reason[]>;
  /** From `running` on the checks are watched; `stopping` is final. */
  enter(phase: Phase): void;
}

export interface ReadinessOptions {
  /** How old a look may be (milliseconds); the watch's period, too. Default 1000. */
  readonly cacheMs?: number;
  /** A check that takes longer has failed (milliseconds). Default 2000. */
  readonly timeoutMs?: number;
}

export function createReadiness({ cacheMs = 1_000, timeoutMs = 2_000 }: ReadinessOptions = {}): Readiness {
  const checks = new Map<string, Check>();
  const listeners = new Set<() => void>();
  let phase: Phase = "starting";
  let failed: readonly Reason[] = [];
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  function reasons(): readonly Reason[] {
    return phase === "running" ? failed : [{ name: "lifecycle", reason: phase }, ...failed];
  }

  function status(): "SERVING" | "NOT_SERVING" {
    const looked = lookedAt !== Number.NEGATIVE_INFINITY;
    return looked && reasons().length === 0 ? "SERVING" : "NOT_SERVING";
  }

  function change(apply: () => void): void {
    const before = status();
    apply();
    if (status() !== before) for (const listener of [...listeners]) listener();
  }

  async function look(): Promise<void> {
    const found = await Promise.all([...checks].map(([name, check]) => ask(name, check, timeoutMs)));
    change(() => {
      failed = found.filter((reason) => reason !== undefined);
      lookedAt = performance.now();
    });
  }

  function lookOnce(): Promise<void> {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  return {
    status,
    reasons,
    async refresh(maxAgeMs = cacheMs) {
      if (performance.now() - lookedAt >= maxAgeMs) await lookOnce();
      return reasons();
    },
    subscribe(listener) {
      // A function of its own: the same listener may subscribe twice.
      const entry = () => listener();
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
    add(name, check) {
      checks.set(name, check);
      lookedAt = Number.NEGATIVE_INFINITY;
    },
    enter(next) {
      if (phase === "stopping") return;
      change(() => {
        phase = next;
      });
      clearInterval(timer);
      if (next === "running") timer = setInterval(lookOnce, cacheMs).unref();
    },
  };
}

async function ask(name: string, check: Check, timeoutMs: number): Promise<Reason | undefined> {
  const waiting = new AbortController();
  const late = sleep(timeoutMs, `no answer within ${timeoutMs} ms`, { signal: waiting.signal });
  late.catch(() => {});
  try {
    const reason = await Promise.race([(async () => check())(), late]);
    return reason === undefined ? undefined : { name, reason };
  } catch (error) {
    return { name, reason: error instanceof Error ? error.message : String(error) };
  } finally {
    waiting.abort();
  }
}
