import { randomBytes } from "node:crypto";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { parseDatabaseUrl } from "@ordermesh/runtime/store/address.ts";
import { integer, text } from "@ordermesh/runtime/store/column.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { openDatabase } from "@ordermesh/runtime/store/open-database.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";
import type { TlsIdentity } from "@ordermesh/runtime/tls/identity.ts";
import { requireSame } from "./archive.ts";
import { type DumpTools, mysqlTools, postgresTools } from "./dump-tools.ts";
import type { BackupTarget } from "./target.ts";

/** A count of a large table takes longer than a service may wait (milliseconds). */
const statementTimeoutMs = 30 * 60_000;

/** One schema of a database server. `identity`: TLS with this certificate. */
export async function serverTarget(url: string, identity: TlsIdentity | undefined): Promise<BackupTarget> {
  const address = parseDatabaseUrl(url);
  const schema = address.database;
  const open = (database: string) => openSchema(withSchema(url, database), identity);
  const live = await open(schema);
  const tools = () => {
    const tls = identity === undefined ? address.tls : { rejectUnauthorized: true, ...identity.current };
    return address.kind === "mysql" ? mysqlTools(address, tls, live.dialect.product) : postgresTools(address, tls);
  };

  async function counted(database: string): Promise<Record<string, number>> {
    const scratch = await open(database);
    try {
      return await countRows(scratch);
    } finally {
      await scratch.close();
    }
  }

  /** Loads a dump into a schema of its own and hands over its name and rows; the schema goes afterwards. */
  async function inScratch<T>(
    file: string,
    by: DumpTools,
    work: (scratch: string, tables: Record<string, number>) => Promise<T>,
  ): Promise<T> {
    const scratch = `${schema.slice(0, 40)}_check_${randomBytes(4).toString("hex")}`;
    try {
      await command(live, `create database ${quoted(live, scratch)}`);
    } catch (error) {
      const what = `the account ${address.user} may not create the schema in which the copy is checked`;
      throw new StartupError(what, "use an account that may create databases", { cause: error });
    }
    try {
      await by.load(file, scratch);
      return await work(scratch, await counted(scratch));
    } finally {
      await command(live, `drop database ${quoted(live, scratch)}`);
    }
  }

  return {
    title: `the database ${schema} at ${address.host}:${address.port}`,
    product: async () => live.dialect.product,
    async copy(folder) {
      const file = `${schema.replace(/[^\w-]/g, "_")}.sql`;
      const path = `${folder}/${file}`;
      await using by = tools();
      await by.dump(schema, path);
      const tables = await inScratch(path, by, async (_scratch, found) => found);
      const missing = (await tableNames(live)).filter((name) => tables[name] === undefined);
      if (missing.length > 0)
        throw new StartupError(`the copy lacks ${missing.join(", ")}`, "try again when no migration runs");
      return [{ name: schema, file, tables }];
    },
    async restore(folder, manifest, { whileRunning }) {
      const [copy, ...more] = manifest.databases;
      if (copy === undefined || more.length > 0)
        throw new StartupError("the backup is not of one schema", "name another one");
      const users = await otherUsers(live, schema);
      if (users > 0 && !whileRunning) {
        const what = `${users} connections of others use ${schema}: services run`;
        throw new StartupError(what, "stop them first, or say --while-running and restart them afterwards");
      }
      await using by = tools();
      const path = `${folder}/${copy.file}`;
      await inScratch(path, by, async (scratch, tables) => {
        requireSame(copy, tables);
        if (address.kind === "mysql") await exchangeTables(live, schema, scratch);
      });
      if (address.kind === "postgres") await by.replace(path, schema, await tableNames(live));
      requireSame(copy, await counted(schema));
      return [];
    },
    close: () => live.close(),
  };
}

function openSchema(url: string, identity: TlsIdentity | undefined): Promise<Database> {
  const log = createLogger({ service: "backup", level: "silent" });
  // One connection, so that every other one is somebody else's.
  const common = { service: "backup", url, dataDir: "", log, poolSize: 1, statementTimeoutMs };
  return openDatabase(identity === undefined ? common : { ...common, tls: identity });
}

function withSchema(url: string, schema: string): string {
  const changed = new URL(url);
  changed.pathname = `/${encodeURIComponent(schema)}`;
  return changed.href;
}

function quoted({ dialect }: Database, name: string): string {
  return dialect.name === "mysql" ? `\`${name.replaceAll("`", "``")}\`` : `"${name.replaceAll('"', '""')}"`;
}

/** Some statements cannot be prepared. */
async function command(database: Database, sql: string): Promise<void> {
  await database.read.run(sql, [], { once: true });
}

async function tableNames(database: Database, schema?: string): Promise<string[]> {
  const own = database.dialect.name === "mysql" ? "database()" : "current_schema()";
  const rows = await database.read.all(
    `select table_name as name from information_schema.tables
     where table_schema = ${schema === undefined ? own : "?"} and table_type = 'BASE TABLE' order by table_name`,
    schema === undefined ? [] : [schema],
  );
  return rows.map(({ name }) => text(name));
}

async function countRows(database: Database): Promise<Record<string, number>> {
  const tables: Record<string, number> = {};
  for (const name of await tableNames(database)) {
    const [row] = await database.read.all(`select count(*) as n from ${quoted(database, name)}`, [], { once: true });
    tables[name] = integer(row?.n);
  }
  return tables;
}

async function otherUsers({ read, dialect }: Database, schema: string): Promise<number> {
  const mine =
    dialect.name === "mysql"
      ? "select count(*) as n from information_schema.processlist where db = ? and id <> connection_id()"
      : "select count(*) as n from pg_stat_activity where datname = ? and pid <> pg_backend_pid() and backend_type = 'client backend'";
  const [row] = await read.all(mine, [schema]);
  return integer(row?.n);
}

/** The tables of `scratch` in the place of those of `schema`, in one statement that does all or nothing. */
async function exchangeTables(database: Database, schema: string, scratch: string): Promise<void> {
  const old = `${scratch}_old`;
  const name = (of: string, table: string) => `${quoted(database, of)}.${quoted(database, table)}`;
  await command(database, `create database ${quoted(database, old)}`);
  try {
    const moves = [
      ...(await tableNames(database, schema)).map((table) => `${name(schema, table)} to ${name(old, table)}`),
      ...(await tableNames(database, scratch)).map((table) => `${name(scratch, table)} to ${name(schema, table)}`),
    ];
    await command(database, `rename table ${moves.join(", ")}`);
  } finally {
    await command(database, `drop database ${quoted(database, old)}`);
  }
}
