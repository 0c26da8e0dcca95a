import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bound } from "../../tools/components/process.ts";
import { nodeFlags } from "../../tools/launch/run.mjs";
import type { ServerProcess } from "../suite.ts";
import { onCore } from "./layout.ts";
import { treePids } from "./process-tree.ts";

export interface ServerOptions {
  /** `ordermesh`, `fastify`: the name under which its CPU time and memory are told. */
  readonly name: string;
  /**
   * File URL of a Node program, or a command whose last descendant is the server (`npm`). It prints `ready http://...` on a
   * line of its own, as services/main.ts does.
   */
  readonly program: string;
  readonly args?: readonly string[];
  /** All that it gets beside PATH and the like: the person's own settings must not reach a measured process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly core?: number;
}

export interface ServerChild extends ServerProcess {
  readonly url: string;
  /** From the start of the process to its ready line. */
  readonly readyMs: number;
  /** The end of what it wrote to standard error. */
  said(): string;
  /** Asks it to end (SIGTERM), waits, and kills it after ten seconds. */
  stop(): Promise<void>;
}

const inherited = ["PATH", "HOME", "TMPDIR", "NODE_COMPILE_CACHE"];

/** Starts a program of the repository and waits for its ready line. Throws with what it said when it ends before. */
export async function startServerChild(options: ServerOptions): Promise<ServerChild> {
  const startedAt = performance.now();
  const { child, ended, said } = spawnProgram(options);
  const ready = readyLine(child);
  const failed = ended.then(() => {
    throw new Error(`${options.name} ended before it was ready:\n${said()}`);
  });
  const url = await Promise.race([ready, failed]);
  const readyMs = performance.now() - startedAt;
  failed.catch(() => undefined);
  const pid = serverPid(options, child);
  return {
    name: options.name,
    kind: "service",
    pid,
    url,
    readyMs,
    said,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) process.kill(pid, "SIGTERM");
      const deadline = setTimeout(() => process.kill(pid, "SIGKILL"), 10_000);
      await ended;
      clearTimeout(deadline);
    },
  };
}

function serverPid({ program }: ServerOptions, child: ChildProcess): number {
  const pid = child.pid ?? 0;
  return isNodeProgram(program) ? pid : (treePids(pid).at(-1) ?? pid);
}

function isNodeProgram(program: string): boolean {
  return program.startsWith("file:");
}

const root = join(import.meta.dirname, "../..");

/** Runs a program in the repository's folder, on the core, with the launcher's flags; keeps the end of its standard error. */
export function spawnProgram({ program, args = [], env = {}, core }: Omit<ServerOptions, "name">) {
  const line = isNodeProgram(program) ? [process.execPath, ...nodeFlags, fileURLToPath(program)] : [program];
  const [pinned, pinnedArgs] = onCore(core, [...line, ...args]);
  // It ends with this process, whatever ends this process.
  const [command, commandArgs] = bound("KILL", pinned, pinnedArgs);
  const base = Object.fromEntries(inherited.map((name) => [name, process.env[name]]));
  const child = spawn(command, commandArgs, { cwd: root, env: { ...base, ...env }, stdio: ["pipe", "pipe", "pipe"] });
  let text = "";
  child.stderr.on("data", (chunk) => {
    text = (text + chunk).slice(-4000);
  });
  const ended = once(child, "close").then(([code]) => code as number | null);
  return { child, ended, said: () => text };
}

async function readyLine(child: ChildProcess): Promise<string> {
  let out = "";
  return await new Promise((resolve) => {
    child.stdout?.on("data", (chunk) => {
      out = (out + chunk).slice(-4000);
      const url = /^ready (\S+)$/m.exec(out)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
}
