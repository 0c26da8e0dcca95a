import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import type { ServerProcess } from "../suite.ts";
import { meter } from "./meter.ts";
import { readTree } from "./process-tree.ts";

/** Works until it has used 150 ms of CPU time, itself or through a child that is gone before it. */
const busy = "while (process.cpuUsage().user < 150_000);";
const inChild = `require("node:child_process").execFileSync(process.execPath, ["-e", ${JSON.stringify(busy)}])`;

/** A process that has done `script` and is idle since. */
async function start(script: string): Promise<{ child: ChildProcess; server: ServerProcess }> {
  const child = spawn(process.execPath, ["-e", `${script}; console.log("done"); setInterval(() => {}, 1000)`]);
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return { child, server: { name: "node", kind: "service", pid: child.pid ?? 0 } };
}

test.each([
  ["its own work", busy],
  ["the work of a child that has ended", inChild],
])("CPU time has %s", async (_, script) => {
  const { server } = await start(script);
  expect(readTree(server.pid).cpuUs).toBeGreaterThan(140_000);
});

test("a server that starts meanwhile counts from its start, one that was there from then on", async () => {
  const servers = [{ ...(await start(busy)).server, name: "before" }];
  const work = async () => servers.push({ ...(await start(busy)).server, name: "meanwhile" });
  const { usage } = await meter(() => servers, work);
  expect(usage.servers.before?.cpuUs).toBeLessThan(70_000);
  expect(usage.servers.meanwhile?.cpuUs).toBeGreaterThan(140_000);
  expect(usage.cpuUs).toBe((usage.servers.before?.cpuUs ?? 0) + (usage.servers.meanwhile?.cpuUs ?? 0));
});

test("memory that a service keeps is growth", async () => {
  const { server } = await start("setTimeout(() => { kept = Buffer.alloc(1e8, 1); }, 600)");
  const { usage } = await meter(
    () => [server],
    () => new Promise((resolve) => setTimeout(resolve, 1000)),
  );
  expect(usage.growthMb).toBeGreaterThan(90);
  expect(usage.peakMb).toBeGreaterThan(120);
});

test("a server that died meanwhile is no idle one", async () => {
  const { child, server } = await start("");
  const die = async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  await expect(meter(() => [server], die)).rejects.toThrow(`process ${server.pid} is gone`);
});
