import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { makeDirectory } from "@ordermesh/runtime/lifecycle/data-dir.ts";
import { toStartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { type Layout, logFile } from "./layout.ts";
import { fileSize, readFrom, rotateLog } from "./process/log-file.ts";

const pollMs = 100;

/**
 * Runs `program` in the background, with its output in the supervisor's log, and shows that until it is ready or has ended.
 * Resolves to the exit code: 0 when it is ready.
 */
export async function detach(layout: Layout, program: string, args: readonly string[]): Promise<number> {
  try {
    makeDirectory(layout.logs);
  } catch (error) {
    throw toStartupError(error, `use the data directory ${layout.root}`) ?? error;
  }
  const path = logFile(layout, "supervisor");
  rotateLog(path);
  let shown = fileSize(path);
  const log = openSync(path, "a", 0o600);
  const child = spawn(process.execPath, [...process.execArgv, program, ...args], {
    detached: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  let code: number | null | undefined;
  void once(child, "exit").then(([exitCode]) => {
    code = exitCode as number | null;
  });

  for (let isReady = false; ; ) {
    // Asked before the log is read: its last words are then in it.
    const ended = code;
    const text = readFrom(path, shown);
    shown += Buffer.byteLength(text);
    process.stdout.write(text);
    isReady ||= /^ready \S+$/m.test(text);
    if (isReady) {
      child.unref();
      return 0;
    }
    if (ended !== undefined) return ended ?? 1;
    await sleep(pollMs);
  }
}
