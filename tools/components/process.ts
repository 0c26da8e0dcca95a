import { execFileSync, spawn } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A server that a test started; `exited` settles when it is gone, whoever ended it. */
export interface ServerProcess {
  readonly pid: number;
  readonly exited: Promise<void>;
  /** Signals the process and waits for its end; SIGKILL follows after ten seconds. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

interface StartOptions {
  command: string;
  args: readonly string[];
  /** Output of the server, quoted when it does not come up. */
  logFile: string;
  /** Signal for the server when this process dies, even by SIGKILL. */
  orphanSignal: "KILL" | "QUIT" | "TERM";
  env?: NodeJS.ProcessEnv;
  owner?: Owner;
  /** True once the server answers; asked until it is, for at most `timeoutMs` (default 60 s). */
  ready(pid: number): Promise<boolean>;
  timeoutMs?: number;
}

export interface Owner {
  uid: number;
  gid: number;
}

/** Starts a server and waits until it is ready; throws with the end of its log when it dies or stays silent. */
export async function startServer(options: StartOptions): Promise<ServerProcess> {
  const log = createWriteStream(options.logFile, { flags: "a" });
  const [command, args] = bound(options.orphanSignal, options.command, options.args);
  // A group of its own: Ctrl-C in a terminal must reach the test run, which then stops its servers in order.
  const child = spawn(command, args, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
    ...options.owner,
  });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const exited = new Promise<void>((resolve) => {
    child.once("close", () => log.end(resolve));
    child.once("error", (error) => log.end(String(error), resolve));
  });
  let gone = false;
  exited.then(() => {
    gone = true;
  });
  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    child.kill(signal);
    const deadline = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await exited;
    clearTimeout(deadline);
  };
  const deadline = Date.now() + (options.timeoutMs ?? 60_000);
  const pid = child.pid ?? 0;
  while (!gone && Date.now() < deadline) {
    if (await options.ready(pid)) {
      // The test run may end while the server still runs: it must not keep the event loop alive.
      child.unref();
      return { pid, exited, stop };
    }
    await sleep(20);
  }
  await stop("SIGKILL");
  throw new Error(`${options.command} did not start:\n${readFileSync(options.logFile, "utf8").slice(-2000)}`);
}

/** The command made to end with its parent (on Linux), so that not even a SIGKILL of the test run leaves it behind. */
export function bound(
  signal: StartOptions["orphanSignal"],
  command: string,
  args: readonly string[],
): [string, string[]] {
  if (process.platform !== "linux") return [command, [...args]];
  return ["setpriv", ["--pdeathsig", signal, "--", command, ...args]];
}

/** MariaDB and PostgreSQL refuse to run as root: as root, the user (one of `names`) that they run as instead. */
export function unprivilegedOwner(...names: string[]): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  for (const name of [...names, "nobody"]) {
    const user = users.find((fields) => fields[0] === name);
    if (user !== undefined) return { uid: Number(user[2]), gid: Number(user[3]) };
  }
  throw new Error(`running as root needs one of the users ${names.join(", ")} or nobody for the database servers`);
}

/** Runs a program to its end; throws with its output when it fails. */
export function run(command: string, args: readonly string[], owner?: Owner): string {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], cwd: "/", ...owner });
}

/** A loopback port that was free a moment ago, for servers that cannot pick one themselves. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
