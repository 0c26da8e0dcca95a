import { readdirSync, readFileSync } from "node:fs";

/** CPU time and memory of a process and of all that descend from it, from /proc (Linux). */
export interface TreeUsage {
  /** Microseconds since the start, with those of children that have ended: it only grows. */
  readonly cpuUs: number;
  /** Resident bytes, with what the processes share counted once. */
  readonly memory: number;
}

/** Ticks of /proc/PID/stat: 100 a second on every Linux that Node runs on. */
const tickUs = 10_000;

/** Throws when the process itself is gone: a server that died does not count as idle. */
export function readTree(pid: number): TreeUsage {
  const usages = treePids(pid).map((member) => readProcess(member, member === pid));
  const sum = (pick: (usage: ProcessUsage) => number) => usages.reduce((total, usage) => total + pick(usage), 0);
  const most = (pick: (usage: ProcessUsage) => number) => Math.max(...usages.map(pick));
  return {
    cpuUs: sum((usage) => usage.cpuUs),
    // Children share the program and the buffers of their parent, as those of PostgreSQL do.
    memory: sum((usage) => usage.anonymous) + most((usage) => usage.file) + most((usage) => usage.shared),
  };
}

/** The process and all that descend from it, parents first. */
export function treePids(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(treePids)];
}

function childrenOf(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.flatMap((thread) => numbers(readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8")));
  } catch {
    // It, or one of its threads, ended meanwhile.
    return [];
  }
}

function numbers(text: string): number[] {
  return text.split(" ").filter(Boolean).map(Number);
}

interface ProcessUsage {
  readonly cpuUs: number;
  readonly anonymous: number;
  readonly file: number;
  readonly shared: number;
}

const nothing: ProcessUsage = { cpuUs: 0, anonymous: 0, file: 0, shared: 0 };

function readProcess(pid: number, required: boolean): ProcessUsage {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    // The name, field 2, may hold spaces; utime, stime, cutime and cstime are fields 14 to 17 (proc_pid_stat(5)).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = fields.slice(11, 15).reduce((total, field) => total + Number(field), 0);
    const bytes = (name: string) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
    return {
      cpuUs: ticks * tickUs,
      anonymous: bytes("RssAnon"),
      file: bytes("RssFile"),
      shared: bytes("RssShmem"),
    };
  } catch (error) {
    // A child's time is its parent's as soon as it has ended.
    if (!required) return nothing;
    throw new Error(`process ${pid} is gone`, { cause: error });
  }
}
