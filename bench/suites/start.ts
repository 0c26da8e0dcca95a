import { setTimeout as sleep } from "node:timers/promises";
import type { Bench } from "../bench.ts";
import { readTree } from "../machine/process-tree.ts";
import type { Contender, Suite } from "../suite.ts";

const readyRow = "second start to ready";
const idleRow = "idle for 5 s";
const idleMs = 5_000;

/** What a person waits for at `npm start`, and what an instance that nobody uses keeps. */
export const start: Suite = {
  name: "start",
  title:
    "The second `npm start` on a data directory, until its ready line; resident memory 5 s later. SQLite and the embedded bus.",
  rounds: { full: 7, quick: 3 },
  rows: [
    { name: readyRow, unit: "ms" },
    { name: idleRow, unit: "MB" },
  ],
  marks: [
    { row: readyRow, figure: "median", atMost: 2000 },
    { row: idleRow, figure: "median", atMost: 180 },
  ],
  prepare: async (bench) => {
    const directory = bench.directory("start");
    await (await startOrdermesh(bench, directory)).stop();
    return [contender(directory)];
  },
};

function contender(directory: string): Contender {
  return {
    name: "npm start",
    open: async (bench) => {
      const started: Awaited<ReturnType<typeof startOrdermesh>>[] = [];
      return {
        servers: () => started,
        measure: async (take) => {
          await take(readyRow, async () => {
            const server = await startOrdermesh(bench, directory);
            started.push(server);
            return { operations: 1, value: server.readyMs };
          });
          await take(idleRow, async () => {
            await sleep(idleMs);
            return { operations: 1, value: started.reduce((sum, { pid }) => sum + readTree(pid).memory, 0) / 1e6 };
          });
        },
      };
    },
  };
}

/** `npm start` as typed, npm and the launcher included, but on a free port. Memory is that of the server alone. */
function startOrdermesh(bench: Bench, directory: string) {
  return bench.startServer({
    name: "ordermesh",
    program: "npm",
    args: ["start"],
    env: { DATA_DIR: directory, PORT: "0" },
  });
}
