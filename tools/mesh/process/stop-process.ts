import { setTimeout as sleep } from "node:timers/promises";
import { isRunning, type ProcessIdentity } from "./process-identity.ts";

const pollMs = 20;

/** Asks this very process to end, and makes it after `graceMs`. Resolves when it is gone; true when it went by itself. */
export async function stopProcess(
  identity: ProcessIdentity,
  { signal = "SIGTERM" as NodeJS.Signals, graceMs }: { signal?: NodeJS.Signals; graceMs: number },
): Promise<boolean> {
  send(identity, signal);
  if (await isGone(identity, graceMs)) return true;
  // With what it started: it leads a group of its own.
  send(identity, "SIGKILL", { group: true });
  await isGone(identity, 10_000);
  return false;
}

/** Signals this very process, never one that came after it. */
function send(identity: ProcessIdentity, signal: NodeJS.Signals, { group = false } = {}): void {
  if (!isRunning(identity)) return;
  for (const pid of group && process.platform !== "win32" ? [-identity.pid, identity.pid] : [identity.pid]) {
    try {
      process.kill(pid, signal);
    } catch {
      // It went just now, or leads no group.
    }
  }
}

/** Waits for the end of this very process; false when it has not come by then. */
export async function isGone(identity: ProcessIdentity, waitMs: number): Promise<boolean> {
  for (const until = performance.now() + waitMs; isRunning(identity); ) {
    if (performance.now() >= until) return false;
    await sleep(pollMs);
  }
  return true;
}
