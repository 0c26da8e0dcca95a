import { constants } from "node:os";
import type { Logger } from "../telemetry/logger.ts";
import { type Lifecycle, StartAborted } from "./lifecycle.ts";
import { StartupError } from "./startup-error.ts";

export interface RunOptions {
  readonly log: Logger;
  /** Called once, when everything is ready: the place for the `ready` line. Must not fail. */
  readonly onReady: () => void | Promise<void>;
}

/** SIGHUP: the terminal was closed. */
const stopSignals = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/**
 * Starts the lifecycle and ties it to this process: the first SIGTERM, SIGINT or SIGHUP stops it in order (exit code 0,
 * or 1 when something did not stop in time), the second ends the process at once. An exception that nobody caught is logged
 * and stops it likewise, with exit code 1: after it the state of the program is not known.
 */
export async function runProcess(lifecycle: Lifecycle, { log, onReady }: RunOptions): Promise<void> {
  let exitCode = 0;

  async function stop(reason: string): Promise<never> {
    const clean = await lifecycle.stop(reason);
    process.exit(clean ? exitCode : Math.max(exitCode, 1));
  }

  let signals = 0;
  for (const signal of stopSignals) {
    process.on(signal, () => {
      signals += 1;
      if (signals === 1) return void stop(signal);
      log.warn({ signal }, "second signal: leaving at once");
      process.exit(128 + constants.signals[signal]);
    });
  }
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ err: error }, event);
      exitCode = 1;
      void stop(event);
    });
  }

  try {
    await lifecycle.start();
  } catch (error) {
    // The one who aborted the start ends the process.
    if (!(error instanceof StartAborted)) exitWithFailure(error);
    return;
  }
  await onReady();
}

/** Ends the process for a start that failed: a StartupError is shown as it is, anything else with its stack. */
export function exitWithFailure(error: unknown): never {
  const known = error instanceof StartupError;
  const text = known ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`${text}\n`);
  process.exit(known ? error.exitCode : 1);
}
