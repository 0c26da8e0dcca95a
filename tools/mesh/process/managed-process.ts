import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Owner } from "../../components/process.ts";
import { fileSize, rotateLog } from "./log-file.ts";
import { identifyProcess, type ProcessIdentity } from "./process-identity.ts";
import { stopProcess } from "./stop-process.ts";

/** How to start a program. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment. */
  readonly env: NodeJS.ProcessEnv;
  readonly owner?: Owner;
  /** Where it runs; default: the root, which everybody reaches. */
  readonly directory?: string;
  /** Asks it to end; default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
  /** Longest wait for that (milliseconds). */
  readonly stopTimeoutMs: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ManagedProcess extends ProcessIdentity {
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Where its output begins in the log file. */
  readonly logOffset: number;
  readonly exited: Promise<Exit>;
  /** How it ended; undefined while it runs. */
  exit(): Exit | undefined;
  stop(): Promise<void>;
}

/**
 * Starts a program that writes to `logFile` by itself and leads a process group of its own: it outlives this process, and
 * Ctrl-C in a terminal reaches this process alone. Throws when it cannot be started.
 */
export async function startProcess(launch: Launch, logFile: string): Promise<ManagedProcess> {
  rotateLog(logFile);
  const log = openSync(logFile, "a", 0o600);
  const logOffset = fileSize(logFile);
  const child = spawn(launch.command, launch.args, {
    detached: true,
    stdio: ["ignore", log, log],
    env: launch.env,
    cwd: launch.directory ?? "/",
    ...launch.owner,
  });
  closeSync(log);
  let exit: Exit | undefined;
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => {
      exit = { code, signal };
      resolve(exit);
    });
  });
  const startTime = child.pid === undefined ? undefined : identifyProcess(child.pid)?.startTime;
  if (child.pid === undefined) {
    throw await new Promise<Error>((resolve) => child.once("error", resolve));
  }
  child.on("error", () => {});
  // One that ended already has no start time, and nobody will ask for it.
  const identity = { pid: child.pid, startTime: startTime ?? "" };
  return {
    ...identity,
    startedAt: Date.now(),
    logOffset,
    exited,
    exit: () => exit,
    stop: async () => {
      if (exit === undefined) {
        await stopProcess(identity, { signal: launch.stopSignal, graceMs: launch.stopTimeoutMs });
        await exited;
      }
    },
  };
}
