import { chownSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import type { DatabaseServer } from "./mariadb.ts";
import { findProgram, freePort, run, startServer, unprivilegedOwner } from "./process.ts";

/** Starts a private PostgreSQL under `directory`, in a zone that is not UTC so that a session that fails to set one shows. */
export async function startPostgres(directory: string): Promise<DatabaseServer> {
  const folders = debianFolders();
  const server = findProgram("postgres", folders, "postgresql");
  const initdb = findProgram("initdb", folders, "postgresql");
  const owner = unprivilegedOwner("postgres");
  const home = join(directory, "postgres");
  mkdirSync(home);
  if (owner) chownSync(home, owner.uid, owner.gid);
  const data = join(home, "data");
  run(initdb, ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"], owner);
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}`;
  const settings = [
    "listen_addresses=127.0.0.1",
    `port=${port}`,
    `unix_socket_directories=${home}`,
    "timezone=Asia/Shanghai",
    "max_connections=300",
    "max_prepared_transactions=0",
    // Tests kill our processes, never the machine: what the system's page cache holds is safe.
    "fsync=off",
  ];
  const process = await startServer({
    command: server,
    args: ["-D", data, ...settings.flatMap((setting) => ["-c", setting])],
    logFile: join(home, "log"),
    orphanSignal: "QUIT",
    owner,
    ready: () => answers(url),
  });
  // SIGQUIT: at once, but unlike SIGKILL with the shared memory given back.
  return { url, stop: () => process.stop("SIGQUIT") };
}

/** Debian keeps every version's programs in a folder of its own, off the PATH; newest first. */
function debianFolders(): string[] {
  try {
    const versions = readdirSync("/usr/lib/postgresql").sort((a, b) => Number(b) - Number(a));
    return versions.map((version) => `/usr/lib/postgresql/${version}/bin`);
  } catch {
    return [];
  }
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
