import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../telemetry/logger.ts";
import type { Readiness } from "./readiness.ts";

/** Something that runs as long as the process: a database, the bus, a consumer, the server. */
export interface Part {
  readonly name: string;
  start?(): void | Promise<void>;
  /** A stop was asked for: tells whoever sends work to send it elsewhere. Before the delay in which they do so. */
  drain?(): void | Promise<void>;
  /** Takes no new work, finishes what is in hand, frees what it holds. */
  stop?(): void | Promise<void>;
}

export interface LifecycleOptions {
  readonly log: Logger;
  readonly readiness: Readiness;
  /** All parts together have this long to stop (milliseconds). */
  readonly drainTimeoutMs: number;
  /** Time between "not ready" and the first part's stop, for load balancers to notice (milliseconds). Default 0. */
  readonly drainDelayMs?: number;
}

/** Starts parts in order, stops them in reverse. */
export interface Lifecycle {
  /** Before `start`; what a part needs is added before it. */
  add(part: Part): void;
  /**
   * Resolves when every part has started and the readiness checks pass. Rejects with the first failure, after the parts
   * that had started were stopped; with StartAborted when `stop` came first.
   */
  start(): Promise<void>;
  /** True when every part stopped in time and without error. Calls after the first get the same answer. */
  stop(reason: string): Promise<boolean>;
}

/** `stop` was called before the start was through. */
export class StartAborted extends Error {
  constructor() {
    super("stopped before the start was through");
    this.name = "StartAborted";
  }
}

/** While checks fail during the start, the log says why this often (milliseconds). */
const reportPeriodMs = 5_000;
const pollMs = 50;

export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const { log, readiness, drainTimeoutMs, drainDelayMs = 0 } = options;
  const parts: Part[] = [];
  const started: Part[] = [];
  const stopRequested = new AbortController();
  let starting: Promise<void> = Promise.resolve();
  let stopping: Promise<boolean> | undefined;

  async function startParts(): Promise<void> {
    for (const part of parts) {
      if (stopRequested.signal.aborted) throw new StartAborted();
      await part.start?.();
      started.push(part);
      log.debug({ part: part.name }, "started");
    }
    readiness.enter("running");
    await untilReady();
    readiness.subscribe(() => log.info({ status: readiness.status(), reasons: readiness.reasons() }, "readiness"));
  }

  async function untilReady(): Promise<void> {
    for (let waitedMs = 0; (await readiness.refresh(pollMs)).length > 0; waitedMs += pollMs) {
      if (waitedMs % reportPeriodMs === 0) log.info({ reasons: readiness.reasons() }, "waiting to be ready");
      await sleep(pollMs, undefined, { signal: stopRequested.signal }).catch(() => {});
      if (stopRequested.signal.aborted) throw new StartAborted();
    }
  }

  async function stopParts(reason: string): Promise<boolean> {
    log.info({ reason }, "stopping");
    readiness.enter("stopping");
    const deadline = performance.now() + drainDelayMs + drainTimeoutMs;
    // A part that is being started is not torn down under its feet.
    await within(deadline, starting).catch(() => {});
    await within(deadline, drainParts()).catch(() => {});
    if (started.length > 0 && drainDelayMs > 0) await sleep(drainDelayMs);
    let clean = true;
    for (const part of started.reverse()) {
      try {
        if (await within(deadline, part.stop?.())) continue;
        log.error({ part: part.name, drainTimeoutMs }, "did not stop in time");
      } catch (error) {
        log.error({ part: part.name, err: error }, "did not stop cleanly");
      }
      clean = false;
    }
    log.info({ clean }, "stopped");
    return clean;
  }

  async function drainParts(): Promise<void> {
    for (const part of started) {
      try {
        await part.drain?.();
      } catch (error) {
        log.warn({ part: part.name, err: error }, "did not drain");
      }
    }
  }

  const lifecycle: Lifecycle = {
    add: (part) => void parts.push(part),
    async start() {
      starting = startParts();
      try {
        await starting;
      } catch (error) {
        if (!(error instanceof StartAborted)) await lifecycle.stop("the start failed");
        throw error;
      }
    },
    stop(reason) {
      stopRequested.abort();
      stopping ??= stopParts(reason);
      return stopping;
    },
  };
  return lifecycle;
}

/** Waits for `work` until `deadline` (of performance.now) at most; true when it was done. */
async function within(deadline: number, work: void | Promise<void>): Promise<boolean> {
  const waiting = new AbortController();
  const late = sleep(Math.max(0, deadline - performance.now()), false, { signal: waiting.signal });
  late.catch(() => {});
  try {
    return await Promise.race([(async () => work)().then(() => true), late]);
  } finally {
    waiting.abort();
  }
}
