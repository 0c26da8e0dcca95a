import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";
import type { TestDatabase } from "./databases.ts";
import type { StoreTask } from "./store-child.ts";

/** A second process on the same database. */
export interface StoreProcess {
  /** The next report; undefined when the process ends first. */
  report(): Promise<unknown>;
  readonly reports: readonly unknown[];
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
  /** Waits for the end; the exit code, or null after a signal. */
  readonly exit: Promise<number | null>;
}

/** Starts `store-child.ts`; it is killed with the test that started it. */
export function startStoreProcess(fresh: TestDatabase, task: StoreTask): StoreProcess {
  const argument = JSON.stringify({ url: fresh.url, directory: fresh.directory, task });
  const child: ChildProcess = fork(new URL("./store-child.ts", import.meta.url), [argument], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    execArgv: [],
  });
  const reports: unknown[] = [];
  child.on("message", (message) => reports.push(message));
  let read = 0;
  const disconnected = once(child, "disconnect");
  const exit = once(child, "exit").then(([code]) => code as number | null);
  onTestFinished(() => void child.kill("SIGKILL"));
  return {
    reports,
    exit,
    report: async () => {
      // Messages that were sent arrive before the channel closes, which may be after the exit.
      if (read === reports.length) await Promise.race([once(child, "message"), disconnected]);
      return reports[read++];
    },
    kill: async () => {
      child.kill("SIGKILL");
      await exit;
    },
  };
}
