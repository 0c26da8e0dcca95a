import { setTimeout as sleep } from "node:timers/promises";
import { Backoff } from "./backoff.ts";
import type { Component, Running } from "./component.ts";
import { readFrom } from "./process/log-file.ts";
import { type Exit, type ManagedProcess, startProcess } from "./process/managed-process.ts";
import type { State } from "./state.ts";

/**
 * - `starting`: its process runs and is not ready for the first time yet.
 * - `ready`; `not ready`: it was, and its reasons say what is wrong now.
 * - `waiting`: it ended by itself and starts again after a while.
 */
export type InstanceState = "starting" | "ready" | "not ready" | "waiting" | "stopping" | "stopped";

export interface InstanceStatus {
  /** `order-2`; the component's own name where there is only one. */
  readonly name: string;
  readonly component: string;
  readonly state: InstanceState;
  readonly pid: number | undefined;
  readonly port: number | undefined;
  /** Of the running process (milliseconds). */
  readonly uptimeMs: number | undefined;
  /** How often it was started again after it had ended by itself. */
  readonly restarts: number;
  /** How it ended the last time by itself: `SIGKILL`, `exit code 1`. */
  readonly lastExit: string | undefined;
  readonly reasons: readonly string[];
  readonly log: string;
}

export interface InstanceOptions {
  readonly name: string;
  readonly component: Component;
  readonly state: State;
  readonly logFile: string;
  /** Tells what happened, one line each. */
  readonly say: (line: string) => void;
}

const pollMs = 50;
/** Between two looks at a process that is ready (milliseconds). */
const checkPeriodMs = 5_000;
/** A process that is not ready by then never will be (milliseconds). */
const startTimeoutMs = 90_000;
/** Of the output of a process that did not start. */
const quotedLines = 20;

/** One supervised process: started, watched, started again when it ends by itself, stopped. */
export class Instance {
  readonly name: string;
  readonly component: Component;
  readonly #options: InstanceOptions;
  readonly #backoff = new Backoff();
  readonly #stopping = new AbortController();
  #state: InstanceState = "starting";
  #process: ManagedProcess | undefined;
  #reasons: readonly string[] = [];
  #restarts = 0;
  #lastExit: string | undefined;
  #supervision: Promise<void> = Promise.resolve();

  constructor(options: InstanceOptions) {
    this.name = options.name;
    this.component = options.component;
    this.#options = options;
  }

  /** Resolves when it is ready for the first time; throws, with nothing left running, when it does not get that far. */
  async start(): Promise<void> {
    try {
      await this.#run();
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#supervision = this.#supervise();
  }

  /** Resolves when its process has ended, asked to or made to. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#state = "stopping";
    await this.#process?.stop();
    await this.#supervision;
    // A restart that was under way may have got as far as this.
    await this.#process?.stop();
    this.#forget();
    this.#state = "stopped";
  }

  /** Resolves once requests reach it. */
  async reachable(): Promise<void> {
    const running = this.#running();
    if (running !== undefined) await this.component.reachable?.(running, this.#stopping.signal);
  }

  async reload(): Promise<void> {
    const running = this.#running();
    if (running !== undefined) await this.component.reload?.(running);
  }

  /** Looks again, unless the process is on its way up or down anyhow. */
  async refresh(): Promise<void> {
    const running = this.#running();
    if (running === undefined || (this.#state !== "ready" && this.#state !== "not ready")) return;
    const reasons = await this.component.check(running);
    if (this.#process !== running.process || running.process.exit() !== undefined || this.#isStopping()) return;
    if (reasons.length > 0 && this.#reasons.length === 0) this.#say(`is not ready: ${reasons.join("; ")}`);
    if (reasons.length === 0 && this.#reasons.length > 0) this.#say("is ready again");
    this.#reasons = reasons;
    this.#state = reasons.length === 0 ? "ready" : "not ready";
  }

  status(): InstanceStatus {
    const running = this.#running();
    return {
      name: this.name,
      component: this.component.name,
      state: this.#state,
      pid: running?.process.pid,
      port: running === undefined ? undefined : this.component.port(running),
      uptimeMs: running === undefined ? undefined : Date.now() - running.process.startedAt,
      restarts: this.#restarts,
      lastExit: this.#lastExit,
      reasons: this.#reasons,
      log: this.#options.logFile,
    };
  }

  /** Starts the process and waits until it is ready; throws when it ends or takes too long. */
  async #run(): Promise<void> {
    this.#state = "starting";
    this.#reasons = ["it is starting"];
    const launch = await this.component.launch();
    if (this.#isStopping()) throw new Error(`${this.name} was stopped`);
    const process = await startProcess(launch, this.#options.logFile);
    this.#process = process;
    this.#options.state.addProcess(this.name, process, launch.stopSignal ?? "SIGTERM");
    const running: Running = { process, output: () => readFrom(this.#options.logFile, process.logOffset) };
    const until = performance.now() + startTimeoutMs;
    while (process.exit() === undefined && performance.now() < until && !this.#isStopping()) {
      this.#reasons = await this.component.check(running);
      if (this.#reasons.length === 0 && process.exit() === undefined) {
        this.#state = "ready";
        return;
      }
      await Promise.race([sleep(pollMs), process.exited]);
    }
    if (this.#isStopping()) throw new Error(`${this.name} was stopped`);
    const exit = process.exit();
    const why = exit === undefined ? `is not ready: ${this.#reasons.join("; ")}` : `ended with ${describe(exit)}`;
    await process.stop();
    this.#ended(exit ?? (await process.exited));
    throw new Error(`${this.name} ${why}\n${running.output().trimEnd().split("\n").slice(-quotedLines).join("\n")}`);
  }

  /** Watches the process, and starts it again whenever it ends by itself. */
  async #supervise(): Promise<void> {
    while (!this.#isStopping()) {
      const readyAt = performance.now();
      const exit = await this.#watch();
      if (exit === undefined) return;
      const readyForMs = this.#process === undefined ? 0 : performance.now() - readyAt;
      this.#ended(exit);
      for (let waitMs = this.#backoff.next(readyForMs); ; waitMs = this.#backoff.next(0)) {
        this.#state = "waiting";
        this.#reasons = [`it ended with ${this.#lastExit} and starts again after ${waitMs} ms`];
        this.#say(`ended with ${this.#lastExit}; it starts again after ${waitMs} ms`);
        await sleep(waitMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
        if (this.#isStopping()) return;
        this.#restarts += 1;
        try {
          await this.#run();
          this.#say("is ready again");
          break;
        } catch (error) {
          if (this.#isStopping()) return;
          this.#lastExit ??= error instanceof Error ? error.message : String(error);
        }
      }
    }
  }

  /** Looks at the process now and then, until it ends; undefined when it was stopped. */
  async #watch(): Promise<Exit | undefined> {
    const process = this.#process;
    if (process === undefined) return undefined;
    const timer = setInterval(() => void this.refresh(), checkPeriodMs);
    try {
      const exit = await process.exited;
      return this.#isStopping() ? undefined : exit;
    } finally {
      clearInterval(timer);
    }
  }

  #ended(exit: Exit): void {
    this.#lastExit = describe(exit);
    this.#forget();
  }

  #forget(): void {
    if (this.#process !== undefined) this.#options.state.removeProcess(this.#process);
    this.#process = undefined;
  }

  #running(): Running | undefined {
    const process = this.#process;
    if (process === undefined || process.exit() !== undefined) return undefined;
    return { process, output: () => readFrom(this.#options.logFile, process.logOffset) };
  }

  /** A method, for the compiler remembers what a property was before an `await`. */
  #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  #say(text: string): void {
    this.#options.say(`${this.name} ${text}`);
  }
}

function describe({ code, signal }: Exit): string {
  return signal ?? `exit code ${code}`;
}
