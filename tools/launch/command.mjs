import { spawn } from "node:child_process";
import { basename, delimiter, dirname, join } from "node:path";

/** A problem that the person at the keyboard can solve; its message says how. */
export class Stop extends Error {}

/** One line a step, on standard error so that a target's output stays clean. */
export function say(text) {
  console.error(`ordermesh: ${text}`);
}

/** Environment for everything that runs on `node`: that Node and the installed tools come first on the PATH. */
export function environment(root, node) {
  const path = [dirname(node), join(root, "node_modules/.bin"), process.env.PATH ?? ""].join(delimiter);
  return {
    ...process.env,
    PATH: path,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, ".cache/compile"),
  };
}

/** Runs a program to its end. Its output passes through to standard error. Throws Stop with `help` when it fails. */
export function run(command, args, { cwd, env, help, title }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: env ?? process.env, stdio: ["ignore", 2, 2] });
    child.once("error", (error) => reject(new Stop(`cannot run ${command} (${error.message}). ${help}`)));
    child.once("close", (code, signal) => {
      if (code === 0) resolve();
      else
        reject(new Stop(`${title ?? [command, ...args].join(" ")} failed (${signal ?? `exit code ${code}`}). ${help}`));
    });
  });
}

/** npm as command and first arguments: the npm that started us, else the one on the PATH. */
export function npmCommand(env = process.env) {
  const started = env.npm_execpath ?? "";
  if (basename(started) === "npm-cli.js") return [env.npm_node_execpath ?? process.execPath, [started]];
  return [process.platform === "win32" ? "npm.cmd" : "npm", []];
}

/** Runs npm quietly, without install scripts: no package of ours needs one. */
export function npm(args, { cwd, env, help = "" }) {
  const [command, first] = npmCommand();
  return run(command, [...first, ...args, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd,
    env,
    title: `npm ${args[0]}`,
    help: `It needs npm and a registry that it can reach (try: npm ping). ${help}`.trim(),
  });
}
