import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { treePids } from "./process-tree.ts";

/** Where servers and load run. */
export interface Layout {
  readonly name: "shared" | "pinned";
  /** Core numbers, where pinned. */
  readonly serverCore?: number;
  readonly loadCore?: number;
}

/** Everything wherever the system puts it. */
export const sharedLayout: Layout = { name: "shared" };

const pinnedLayout: Layout = { name: "pinned", serverCore: 0, loadCore: 1 };

/** The layouts that this machine can have; `missing` says why the pinned one is not among them. */
export function availableLayouts(): { readonly layouts: readonly Layout[]; readonly missing?: string } {
  if (availableParallelism() < 2) return { layouts: [sharedLayout], missing: "no pinned layout: there is one core" };
  try {
    execFileSync("taskset", ["-c", "0,1", "true"], { stdio: "ignore" });
  } catch {
    return { layouts: [sharedLayout], missing: "no pinned layout: taskset cannot pin to cores 0 and 1 here" };
  }
  return { layouts: [sharedLayout, pinnedLayout] };
}

/** The command line, bound to the core; as it is where there is none. */
export function onCore(core: number | undefined, line: readonly string[]): [command: string, args: string[]] {
  const [command = "", ...args] = core === undefined ? line : ["taskset", "-c", String(core), ...line];
  return [command, args];
}

/** Binds a running process, its threads and its children to the core. */
export function moveToCore(core: number | undefined, pid: number): void {
  if (core === undefined) return;
  for (const member of treePids(pid)) execFileSync("taskset", ["-a", "-c", "-p", String(core), String(member)]);
}
