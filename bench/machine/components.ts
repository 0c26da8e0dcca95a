import { join } from "node:path";
import { startMariadb } from "../../tools/components/mariadb.ts";
import { startNatsServer } from "../../tools/components/nats.ts";
import { startPostgres } from "../../tools/components/postgres.ts";
import { natsServerProgram } from "../../tools/components/programs.ts";
import type { ServerProcess } from "../suite.ts";

/** A server that we did not write, started for the benchmark alone. */
export interface Component extends ServerProcess {
  /** Of a database server without the name of a database. */
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Settings of the benchmark's databases. Whatever tests may do without: a commit is on disk when it is answered, which is
 * what the defaults of both say; memory for a million orders; clocks in UTC.
 */
const mariadbSettings = [
  "--innodb-flush-log-at-trx-commit=1",
  "--innodb-buffer-pool-size=1G",
  "--default-time-zone=+00:00",
  "--max-connections=500",
];
const postgresSettings = [
  "fsync=on",
  "synchronous_commit=on",
  "full_page_writes=on",
  "shared_buffers=1GB",
  "timezone=UTC",
];

export async function startDatabase(kind: "mariadb" | "postgres", directory: string): Promise<Component> {
  const server =
    kind === "mariadb"
      ? await startMariadb(directory, mariadbSettings)
      : await startPostgres(directory, postgresSettings);
  return { name: kind === "mariadb" ? "mariadbd" : "postgres", kind: "database", ...server };
}

/** JetStream on file storage with the server's default `sync_interval`: an acknowledged message is in the page cache. */
export async function startNats(directory: string): Promise<Component> {
  const { process, port } = await startNatsServer(natsServerProgram().path, 0, join(directory, "nats"));
  const url = `nats://127.0.0.1:${port}`;
  return { name: "nats-server", kind: "broker", pid: process.pid, url, stop: () => process.stop() };
}
