import { chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { freePort, run, startServer, unprivilegedOwner } from "./process.ts";
import { mariadbPrograms } from "./programs.ts";

export interface DatabaseServer {
  /** Root URL without a database name. */
  readonly url: string;
  readonly pid: number;
  /** Ends it at once: nobody wants its data. */
  stop(): Promise<void>;
}

/**
 * Starts a private MariaDB under `directory`. Its defaults are those of a careless old installation (no strict mode,
 * a zone that is not UTC, a case-insensitive collation), so that what our sessions fail to set shows. `settings` come last
 * and win.
 */
export async function startMariadb(directory: string, settings: readonly string[] = []): Promise<DatabaseServer> {
  const { server, install } = mariadbPrograms();
  const owner = unprivilegedOwner("mysql");
  const home = join(directory, "mariadb");
  mkdirSync(home);
  if (owner) chownSync(home, owner.uid, owner.gid);
  const data = join(home, "data");
  const common = ["--no-defaults", `--datadir=${data}`];
  run(install, [...common, "--auth-root-authentication-method=normal", "--skip-test-db"], owner);
  const port = await freePort();
  const url = `mysql://root@127.0.0.1:${port}`;
  const process = await startServer({
    command: server,
    args: [
      ...common,
      "--bind-address=127.0.0.1",
      `--port=${port}`,
      `--socket=${join(home, "socket")}`,
      `--pid-file=${join(home, "pid")}`,
      "--sql-mode=NO_ENGINE_SUBSTITUTION",
      "--default-time-zone=+08:00",
      "--character-set-server=utf8mb4",
      "--collation-server=utf8mb4_general_ci",
      "--max-connections=500",
      "--innodb-buffer-pool-size=128M",
      // Tests kill our processes, never the machine: what the system's page cache holds is safe.
      "--innodb-flush-log-at-trx-commit=2",
      ...settings,
    ],
    logFile: join(home, "log"),
    orphanSignal: "KILL",
    owner,
    ready: () => answers(url),
  });
  return { url, pid: process.pid, stop: () => process.stop("SIGKILL") };
}

/** Whether a MariaDB or MySQL lets this account in. */
export async function answers(url: string): Promise<boolean> {
  try {
    const connection = await createConnection(url);
    await connection.end();
    return true;
  } catch {
    return false;
  }
}
