import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export interface Instance {
  /** Of the one port, once `ready`. */
  readonly url: string;
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** Variables that say where things are; a test's own environment must not reach the process. */
const inherited = ["PATH", "HOME", "TMPDIR", "NODE_COMPILE_CACHE", "NODE_EXTRA_CA_CERTS"];

/** Runs a program of the repository to its end. */
export async function runProgram(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input?: string | Uint8Array,
): Promise<Ended> {
  const { child, ended } = spawnProgram(program, args, env);
  child.stdin?.end(input);
  return await ended;
}

/** Starts `services/main.ts` on a free port and waits for its ready line; it ends with the test at the latest. */
export async function startInstance(
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<Instance> {
  const { child, ended, output } = spawnProgram("services/main.ts", args, { PORT: "0", ...env });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const ready = (async () => {
    for (;;) {
      const url = /^ready (\S+)$/m.exec(output.out)?.[1];
      if (url !== undefined) return url;
      await once(child.stdout as NonNullable<typeof child.stdout>, "data");
    }
  })();
  const failed = ended.then(({ code, err }) => {
    throw new Error(`the start ended with ${code}:\n${err}`);
  });
  const url = await Promise.race([ready, failed]);
  failed.catch(() => {});
  return {
    url,
    stop: (signal = "SIGTERM") => {
      child.kill(signal);
      return ended;
    },
  };
}

function spawnProgram(program: string, args: readonly string[], env: Readonly<Record<string, string>>) {
  const path = fileURLToPath(new URL(`../../${program}`, import.meta.url));
  const base = Object.fromEntries(inherited.map((name) => [name, process.env[name]]));
  const child: ChildProcess = spawn(process.execPath, [path, ...args], { env: { ...base, ...env } });
  const output = { out: "", err: "" };
  child.stdout?.on("data", (chunk) => {
    output.out += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    output.err += chunk;
  });
  // A program that leaves before it has read everything is no fault of the test.
  child.stdin?.on("error", () => {});
  const ended = once(child, "close").then(
    ([code, signal]): Ended => ({ code: code as number | null, signal: signal as NodeJS.Signals | null, ...output }),
  );
  return { child, ended, output };
}
