import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../test/support/temporary.ts";
import type { SuiteResult } from "./result.ts";

function bench(args: readonly string[], directory = temporaryDirectory("bench")) {
  const env = { ...process.env, TMPDIR: directory };
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts"), ...args], { env });
  onTestFinished(() => void child.kill("SIGKILL"));
  const output = { text: "" };
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output.text += chunk));
  const ended = once(child, "close").then(([code]) => code as number | null);
  return { child, output, ended };
}

test("a quick run writes its rows, and its exit code says whether every mark holds", async () => {
  const file = join(temporaryDirectory("bench"), "result.json");
  const { output, ended } = bench(["start", "--quick", "--rounds", "1", "--json", file]);
  const code = await ended;
  const result = JSON.parse(readFileSync(file, "utf8")) as SuiteResult;
  expect(result).toMatchObject({ suite: "start", problems: [], quick: true, rounds: 1 });
  expect(result.rows).toMatchObject([
    { name: "second start to ready", unit: "ms", median: expect.any(Number), cpuUs: expect.any(Number) },
    { name: "idle for 5 s", unit: "MB", median: expect.any(Number), peakMb: expect.any(Number) },
  ]);
  expect(result.pass).toBe(result.marks.every(({ holds }) => holds));
  expect(code).toBe(result.pass ? 0 : 1);
  for (const { row } of result.marks) expect(output.text).toContain(`: ${row}: median is`);
}, 60_000);

test("a suite that does not exist is one line", async () => {
  const { output, ended } = bench(["stop"]);
  expect(await ended).toBe(1);
  expect(output.text).toMatch(/^there is no suite "stop": there are .*\n$/);
});

test("Ctrl-C ends everything that was started and removes what it wrote", async () => {
  const directory = temporaryDirectory("bench");
  const { child, output, ended } = bench(["start", "--quick"], directory);
  await expect.poll(() => output.text, { timeout: 30_000 }).toContain("second start to ready");
  child.kill("SIGINT");
  expect(await ended).toBe(130);
  expect(readdirSync(directory).filter((name) => name.startsWith("ordermesh"))).toEqual([]);
}, 60_000);
