import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { type DatabaseServer, startMariadb } from "../../tools/components/mariadb.ts";
import { startMysql } from "../../tools/components/mysql.ts";
import { startPostgres } from "../../tools/components/postgres.ts";
import { envoyProgram } from "../../tools/components/programs.ts";
import { onMysql } from "./on-mysql.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** One directory for all that a run writes, and the address that starts the run's shared database servers. */
    run: { directory: string; servers: string };
  }
}

/**
 * One MariaDB (or MySQL) and one PostgreSQL for a whole run, started when the first test asks: test files run in processes of
 * their own, so they ask this process over loopback HTTP (`GET /mysql`, `GET /postgres`) and get the server's URL.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // For envoy-config-tools, which knows nothing of where this repository keeps it.
  process.env.ENVOY_BIN = envoyProgram();
  const directory = mkdtempSync(join(tmpdir(), "ordermesh-test-"));
  // The database servers run as another user when we are root and must reach their own folders below.
  chmodSync(directory, 0o711);
  const start = { mysql: onMysql ? startMysql : startMariadb, postgres: startPostgres };
  const servers = new Map<string, Promise<DatabaseServer>>();
  const desk = createServer(async (request, response) => {
    const kind = request.url?.slice(1) === "mysql" ? "mysql" : "postgres";
    const server = servers.get(kind) ?? start[kind](directory);
    servers.set(kind, server);
    try {
      response.end((await server).url);
    } catch (error) {
      response.writeHead(500).end(error instanceof Error ? error.message : String(error));
    }
  });
  await new Promise<void>((resolve) => desk.listen(0, "127.0.0.1", resolve));
  const address = desk.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  project.provide("run", { directory, servers: `http://127.0.0.1:${port}` });
  // Vitest does not tear down on Ctrl-C: the servers end with this process, their data has to be removed here.
  process.once("exit", () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  return async () => {
    desk.close();
    desk.closeAllConnections();
    const started = await Promise.allSettled(servers.values());
    await Promise.all(started.map((server) => (server.status === "fulfilled" ? server.value.stop() : undefined)));
  };
}
