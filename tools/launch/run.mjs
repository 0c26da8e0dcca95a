import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { environment, Stop } from "./command.mjs";

/** What Node is told whenever it runs something of ours. */
export const nodeFlags = [
  // node:sqlite warns on Node 24; nobody at the keyboard can do anything about it.
  "--disable-warning=ExperimentalWarning",
  // Under load a request's objects die young, before they are copied: a sixth less CPU time than with Node 24's 16 MiB.
  "--max-semi-space-size=64",
];

/** File of a target: a path below the root, or the name of an installed tool. */
export function resolveTarget(root, target) {
  const places = target.includes("/")
    ? [join(root, target)]
    : [join(root, "node_modules/.bin", target), join(root, target)];
  const found = places.find((place) => existsSync(place));
  if (found === undefined)
    throw new Stop(`there is no ${target} here: a target is a file of the repository or an installed tool`);
  return realpathSync(found);
}

/** Becomes `node` running `args`, so that signals, terminal and exit code are the target's own. */
export async function replaceProcess(root, node, args) {
  const all = [...nodeFlags, ...args];
  const env = environment(root, node);
  if (typeof process.execve === "function" && process.platform !== "win32") process.execve(node, [node, ...all], env);
  process.exitCode = await passThrough(node, all, env);
}

/** Where a process cannot replace itself (an older Node, Windows): a child that gets our signals; returns its exit code. */
export function passThrough(node, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { env, stdio: "inherit" });
    // A terminal sends Ctrl-C to the child by itself; passing it on as well would make it two.
    const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
      process.on(signal, () => (signal === "SIGINT" && terminal ? undefined : child.kill(signal)));
    }
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (signal === null) return resolve(code);
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    });
  });
}
