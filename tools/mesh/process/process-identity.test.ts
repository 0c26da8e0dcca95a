import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { identifyProcess, isRunning } from "./process-identity.ts";
import { stopProcess } from "./stop-process.ts";

async function startNode(script: string) {
  const child = spawn(process.execPath, ["-e", `${script};console.log("up")`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const identity = identifyProcess(child.pid ?? 0);
  if (identity === undefined) throw new Error("it does not run");
  return { child, identity };
}

test("a process is the same each time it is looked at", async () => {
  const { identity } = await startNode("setInterval(() => {}, 1000)");
  expect(identifyProcess(identity.pid)).toEqual(identity);
});

test("a process that has ended is no more, even before its parent has noticed", async () => {
  const { child, identity } = await startNode("setInterval(() => {}, 1000)");
  child.kill("SIGKILL");
  await expect.poll(() => isRunning(identity)).toBe(false);
});

test("another process with the number of ours is not taken for it", async () => {
  const { identity } = await startNode("setInterval(() => {}, 1000)");
  expect(isRunning({ ...identity, startTime: "some other time" })).toBe(false);
});

test("a process that ends when asked ends by itself", async () => {
  const { identity } = await startNode("setInterval(() => {}, 1000)");
  expect(await stopProcess(identity, { graceMs: 10_000 })).toBe(true);
  expect(isRunning(identity)).toBe(false);
});

test("a process that does not listen is made to end", async () => {
  const { identity } = await startNode("process.on('SIGTERM', () => {});setInterval(() => {}, 1000)");
  expect(await stopProcess(identity, { graceMs: 100 })).toBe(false);
  expect(isRunning(identity)).toBe(false);
});

test("a foreign process is left alone", async () => {
  const { identity } = await startNode("setInterval(() => {}, 1000)");
  await stopProcess({ ...identity, startTime: "some other time" }, { graceMs: 100 });
  expect(isRunning(identity)).toBe(true);
});
