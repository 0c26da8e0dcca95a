import { isRunning } from "./process/process-identity.ts";
import { stopProcess } from "./process/stop-process.ts";
import type { State } from "./state.ts";

/** Time for each process that an earlier supervisor left to finish (milliseconds). */
const graceMs = 10_000;

/**
 * Ends what an earlier supervisor left running, the last started first; a process that only has the number of one of ours is
 * left alone. Returns the names of those that were ended.
 */
export async function stopOrphans(state: State, say: (line: string) => void): Promise<string[]> {
  const stopped: string[] = [];
  for (const recorded of [...state.processes].reverse()) {
    if (isRunning(recorded)) {
      say(`stopping ${recorded.name} (process ${recorded.pid}), which an earlier start left`);
      await stopProcess(recorded, { signal: recorded.signal, graceMs });
      stopped.push(recorded.name);
    }
    state.removeProcess(recorded);
  }
  return stopped;
}
