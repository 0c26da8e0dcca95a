import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/support/temporary.ts";
import { environment, npmCommand } from "./command.mjs";
import { resolveTarget } from "./run.mjs";

/** Starts a process that passes through to a Node with `code`, as the launcher does on an old Node. */
function passThrough(code: string) {
  const runner = join(import.meta.dirname, "run.mjs");
  const script = `const { passThrough } = await import(${JSON.stringify(runner)});
    process.exitCode = await passThrough(process.execPath, ["-e", ${JSON.stringify(code)}], process.env);`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
}

test("a target is a file of the repository or an installed tool", () => {
  const root = temporaryDirectory("checkout");
  mkdirSync(join(root, "node_modules/.bin"), { recursive: true });
  mkdirSync(join(root, "services"));
  for (const file of ["services/main.ts", "node_modules/tool.js"]) writeFileSync(join(root, file), "");
  symlinkSync("../tool.js", join(root, "node_modules/.bin/tool"));
  expect(resolveTarget(root, "services/main.ts")).toBe(join(root, "services/main.ts"));
  expect(resolveTarget(root, "tool")).toBe(join(root, "node_modules/tool.js"));
  expect(() => resolveTarget(root, "services/other.ts")).toThrow("there is no services/other.ts");
});

test("the target's exit code is the launcher's", async () => {
  const [code] = await once(passThrough("process.exit(7)"), "exit");
  expect(code).toBe(7);
});

test("a signal to the launcher reaches the target, which decides what it means", async () => {
  const launcher = passThrough(
    "process.on('SIGTERM', () => process.exit(3)); setInterval(() => {}, 1000); console.log('up');",
  );
  await once(launcher.stdout, "data");
  launcher.kill("SIGTERM");
  expect(await once(launcher, "exit")).toEqual([3, null]);
});

test("a target that dies of a signal takes the launcher along by the same one", async () => {
  const [, signal] = await once(passThrough("process.kill(process.pid, 'SIGTERM')"), "exit");
  expect(signal).toBe("SIGTERM");
});

test("programs that a target starts find its Node and the installed tools first", () => {
  const path = environment("/checkout", "/somewhere/bin/node").PATH.split(delimiter);
  expect(path.slice(0, 2)).toEqual(["/somewhere/bin", "/checkout/node_modules/.bin"]);
});

test("npm is the one that started us, with its own Node", () => {
  const env = { npm_execpath: "/usr/lib/npm/bin/npm-cli.js", npm_node_execpath: "/usr/bin/node" };
  expect(npmCommand(env)).toEqual(["/usr/bin/node", ["/usr/lib/npm/bin/npm-cli.js"]]);
});

test("npm is the one on the PATH when another package manager started us", () => {
  expect(npmCommand({ npm_execpath: "/usr/lib/yarn/bin/yarn.js" })).toEqual(["npm", []]);
});
