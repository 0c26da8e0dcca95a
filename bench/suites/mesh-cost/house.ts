import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Bench } from "../../bench.ts";
import { authorization, jwtEnvironment } from "../../credentials.ts";
import type { Component } from "../../machine/components.ts";
import { newPlace } from "../../machine/order-store.ts";
import type { ServerProcess } from "../../suite.ts";

/** Something that serves orders, one process or many. */
export interface House {
  readonly url: string;
  /** Of the authority that vouches for it, where it speaks TLS. */
  readonly caFile?: string;
  readonly authorization: string | undefined;
  readonly servers: readonly ServerProcess[];
}

const main = import.meta.resolve("../../../services/main.ts");
const cli = (command: string) => import.meta.resolve(`../../../tools/mesh/cli/${command}.ts`);
const quiet = { LOG_LEVEL: "warn" };

/** One process with everything, SQLite and the embedded bus. */
export async function embedded(bench: Bench): Promise<House> {
  const env = { ...quiet, PORT: "0", DATA_DIR: bench.directory("embedded") };
  const server = await bench.startServer({ name: "ordermesh", program: main, env });
  return { url: server.url, authorization: undefined, servers: [server] };
}

/** One process with everything, on a database server and NATS. */
export async function oneProcess(bench: Bench, database: Component): Promise<House> {
  const { url: DATABASE_URL = "" } = await newPlace(bench, database);
  const nats = await bench.startNats();
  const env = { ...quiet, ...jwtEnvironment, PORT: "0", DATABASE_URL, NATS_URL: nats.url };
  const server = await bench.startServer({ name: "ordermesh", program: main, env });
  return {
    url: server.url,
    authorization: await authorization("bench", ["operator"]),
    servers: [server, database, nats],
  };
}

/** What `npm run mesh` starts: Envoy, gateway, order service, control plane, NATS and database, with mTLS between them. */
export async function mesh(bench: Bench): Promise<House> {
  const directory = bench.directory("mesh");
  const ports = ["EDGE", "LISTENER", "CONTROL_PLANE", "NATS", "DATABASE"].map((name) => [`MESH_${name}_PORT`, "0"]);
  // The edge's limit protects it from floods, and this is one.
  const limits = { MESH_RATE_LIMIT_PER_SECOND: "1000000", MESH_RATE_LIMIT_BURST: "1000000" };
  const env = { ...quiet, ...limits, MESH_DATA_DIR: directory, ...Object.fromEntries(ports) };
  const supervisor = await bench.startServer({ name: "supervisor", program: cli("start"), env });
  const { components } = JSON.parse(await run("status", "--json", "--data-dir", directory)) as {
    readonly components: readonly { readonly component: string; readonly pid: number }[];
  };
  const kinds: Readonly<Record<string, ServerProcess["kind"]>> = { database: "database", nats: "broker" };
  return {
    url: supervisor.url,
    caFile: join(directory, "certs/ca.crt"),
    authorization: `Bearer ${(await run("token", "--data-dir", directory)).trim()}`,
    servers: components.map(({ component: name, pid }) => ({ name, pid, kind: kinds[name] ?? "service" })),
  };
}

async function run(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(cli(command)), ...args]);
  return stdout;
}
