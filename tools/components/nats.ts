import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type ServerProcess, startServer } from "./process.ts";

export interface NatsServer {
  readonly process: ServerProcess;
  readonly port: number;
}

/** Starts a nats-server with JetStream on file storage in `storeDir`; port 0 lets it pick a free one. `settings` are more of its flags. */
export async function startNatsServer(
  binary: string,
  port: number,
  storeDir: string,
  settings: readonly string[] = [],
): Promise<NatsServer> {
  mkdirSync(storeDir, { recursive: true });
  const portsFile = (pid: number) => join(storeDir, `nats-server_${pid}.ports`);
  const process = await startServer({
    command: binary,
    args: [
      ...["-a", "127.0.0.1", "-p", String(port || -1), "-js", "-sd", storeDir, "--ports_file_dir", storeDir],
      ...settings,
    ],
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
