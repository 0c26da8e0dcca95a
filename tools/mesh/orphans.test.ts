import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../../test/support/temporary.ts";
import { stopOrphans } from "./orphans.ts";
import { identifyProcess, isRunning, type ProcessIdentity } from "./process/process-identity.ts";
import { State } from "./state.ts";

async function startOrphan(): Promise<ProcessIdentity> {
  const script = "setInterval(() => {}, 1000);console.log('up')";
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return identifyProcess(child.pid ?? 0) ?? { pid: 0, startTime: "" };
}

test("what a dead supervisor left is ended, the last started first", async () => {
  const state = new State(join(temporaryDirectory("orphans"), "state.json"));
  const [database, order] = [await startOrphan(), await startOrphan()];
  state.addProcess("database", database, "SIGTERM");
  state.addProcess("order-1", order, "SIGTERM");
  expect(await stopOrphans(state, () => {})).toEqual(["order-1", "database"]);
  expect([isRunning(database), isRunning(order)]).toEqual([false, false]);
  expect(state.processes).toEqual([]);
});

test("a foreign process that got the number of ours is left alone", async () => {
  const state = new State(join(temporaryDirectory("orphans"), "state.json"));
  const foreign = await startOrphan();
  state.addProcess("order-1", { ...foreign, startTime: "another one" }, "SIGTERM");
  expect(await stopOrphans(state, () => {})).toEqual([]);
  expect(isRunning(foreign)).toBe(true);
  expect(state.processes).toEqual([]);
});
