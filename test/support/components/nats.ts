import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { findPrograms, type ServerProcess, startServer } from "./process.ts";

export interface NatsServer {
  readonly process: ServerProcess;
  readonly port: number;
}

/** Starts a nats-server with JetStream on file storage in `storeDir`; port 0 lets it pick a free one. */
export async function startNatsServer(binary: string, port: number, storeDir: string): Promise<NatsServer> {
  mkdirSync(storeDir, { recursive: true });
  const portsFile = (pid: number) => join(storeDir, `nats-server_${pid}.ports`);
  const process = await startServer({
    command: binary,
    args: ["-a", "127.0.0.1", "-p", String(port || -1), "-js", "-sd", storeDir, "--ports_file_dir", storeDir],
    logFile: join(storeDir, "log"),
    orphanSignal: "KILL",
    ready: async (pid) => {
      const bound = boundPort(portsFile(pid));
      return bound !== undefined && (await answers(bound));
    },
  });
  const bound = boundPort(portsFile(process.pid)) ?? port;
  rmSync(portsFile(process.pid), { force: true });
  return { process, port: bound };
}

/** The newest installed nats-server: what JetStream can do depends on its version. Throws with what to install. */
export function newestNatsServer(): string {
  const cache = join(import.meta.dirname, "../../../.cache/bin");
  const programs = findPrograms("nats-server", [cache, join(homedir(), "go/bin"), "/usr/local/go/bin", "/usr/sbin"]);
  const [newest] = programs.map((path) => ({ path, version: version(path) })).sort((a, b) => b.version - a.version);
  if (newest !== undefined) return newest.path;
  throw new Error(`nats-server is not installed: run "npm test" once or "apt-get install nats-server"`);
}

/** `nats-server: v2.11.3` as the number 2011003. */
function version(path: string): number {
  const match = /(\d+)\.(\d+)\.(\d+)/.exec(execFileSync(path, ["--version"], { encoding: "utf8" }));
  return match === null ? 0 : Number(match[1]) * 1e6 + Number(match[2]) * 1e3 + Number(match[3]);
}

function boundPort(portsFile: string): number | undefined {
  try {
    const { nats } = JSON.parse(readFileSync(portsFile, "utf8")) as { nats: string[] };
    return Number(new URL(nats[0] ?? "").port);
  } catch {
    // Not written yet, or only half.
    return undefined;
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("data", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
