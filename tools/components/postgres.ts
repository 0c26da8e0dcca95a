import { chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import type { DatabaseServer } from "./mariadb.ts";
import { freePort, run, startServer, unprivilegedOwner } from "./process.ts";
import { postgresPrograms } from "./programs.ts";

/**
 * Starts a private PostgreSQL under `directory`, in a zone that is not UTC so that a session that fails to set one shows.
 * `settings` come last and win.
 */
export async function startPostgres(directory: string, settings: readonly string[] = []): Promise<DatabaseServer> {
  const { server, install } = postgresPrograms();
  const owner = unprivilegedOwner("postgres");
  const home = join(directory, "postgres");
  mkdirSync(home);
  if (owner) chownSync(home, owner.uid, owner.gid);
  const data = join(home, "data");
  run(install, ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"], owner);
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}`;
  const all = [
    "listen_addresses=127.0.0.1",
    `port=${port}`,
    `unix_socket_directories=${home}`,
    "timezone=Asia/Shanghai",
    "max_connections=300",
    "max_prepared_transactions=0",
    // Tests kill our processes, never the machine: what the system's page cache holds is safe.
    "fsync=off",
    ...settings,
  ];
  const process = await startServer({
    command: server,
    args: ["-D", data, ...all.flatMap((setting) => ["-c", setting])],
    logFile: join(home, "log"),
    orphanSignal: "QUIT",
    owner,
    ready: () => answers(url),
  });
  // SIGQUIT: at once, but unlike SIGKILL with the shared memory given back.
  return { url, pid: process.pid, stop: () => process.stop("SIGQUIT") };
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: `${url}/postgres` });
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
