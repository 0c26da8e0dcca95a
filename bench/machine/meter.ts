import { setTimeout as sleep } from "node:timers/promises";
import type { ServerProcess } from "../suite.ts";
import { readTree, type TreeUsage } from "./process-tree.ts";

const megabyte = 1e6;
const intervalMs = 100;

export interface Usage {
  readonly seconds: number;
  readonly cpuUs: number;
  readonly peakMb: number;
  readonly growthMb: number;
  readonly servers: Readonly<Record<string, { readonly cpuUs: number; readonly peakMb: number }>>;
}

/**
 * Runs the work and says how long it took and what the servers used meanwhile. CPU time is exact to 10 ms a process;
 * memory is looked at every 100 ms. A server that starts meanwhile counts from its start.
 */
export async function meter<T>(
  servers: () => readonly ServerProcess[],
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly usage: Usage }> {
  const before = new Map(servers().map(({ pid }) => [pid, readTree(pid).cpuUs]));
  const memory = new MemorySeries();
  const stop = new AbortController();
  const watching = watch(() => memory.add(read(servers())), stop.signal);
  const startedAt = performance.now();
  let result: T;
  try {
    result = await work();
  } finally {
    stop.abort();
    await watching;
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const after = read(servers());
  memory.add(after);
  const shares = after.map(({ server, usage }) => ({
    name: server.name,
    cpuUs: usage.cpuUs - (before.get(server.pid) ?? 0),
  }));
  const names = [...new Set(shares.map(({ name }) => name))];
  const cpuOf = (name: string) =>
    shares.filter((share) => share.name === name).reduce((sum, { cpuUs }) => sum + cpuUs, 0);
  return {
    result,
    usage: {
      seconds,
      cpuUs: names.reduce((sum, name) => sum + cpuOf(name), 0),
      peakMb: memory.peak(() => true),
      growthMb: memory.growth(({ kind }) => kind === "service"),
      servers: Object.fromEntries(
        names.map((name) => [name, { cpuUs: cpuOf(name), peakMb: memory.peak((server) => server.name === name) }]),
      ),
    },
  };
}

interface Reading {
  readonly server: ServerProcess;
  readonly usage: TreeUsage;
}

function read(servers: readonly ServerProcess[]): Reading[] {
  return servers.map((server) => ({ server, usage: readTree(server.pid) }));
}

async function watch(look: () => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      look();
    } catch {
      // A server ended while it was looked at; whether it may is for the last reading to say.
    }
    await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
  }
}

type Which = (server: ServerProcess) => boolean;

class MemorySeries {
  readonly #readings: (readonly Reading[])[] = [];

  add(readings: readonly Reading[]): void {
    this.#readings.push(readings);
  }

  peak(which: Which, from = 0, to = this.#readings.length): number {
    const sums = this.#readings
      .slice(from, to)
      .map((readings) =>
        readings.filter(({ server }) => which(server)).reduce((sum, { usage }) => sum + usage.memory, 0),
      );
    return Math.max(0, ...sums) / megabyte;
  }

  growth(which: Which): number {
    const middle = Math.ceil(this.#readings.length / 2);
    return this.peak(which, middle) - this.peak(which, 0, middle);
  }
}
