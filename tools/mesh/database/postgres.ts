import { readFileSync } from "node:fs";
import { join } from "node:path";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import pg from "pg";
import { run } from "../../components/process.ts";
import { postgresPrograms } from "../../components/programs.ts";
import type { Component } from "../component.ts";
import { filesOf, type MeshContext, plainEnvironment } from "../components/context.ts";
import { reasonOf } from "../components/https.ts";
import { type Account, databaseAccounts, type ServiceSchema } from "./accounts.ts";
import { DatabaseFiles } from "./database-files.ts";

/** Who may connect and how: with TLS, a certificate of ours and a password; nobody over the Unix socket. */
const hostRules = "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n";

/** PostgreSQL, set up as far as it can be like the others. */
export function postgresDatabase(context: MeshContext): Component {
  const port = context.ports.database;
  const accounts = databaseAccounts(context.secrets);
  const { server, install } = postgresPrograms();
  const files = new DatabaseFiles(
    join(context.layout.database, "postgres"),
    ["postgres"],
    filesOf(context, "database"),
  );
  /** Process whose accounts and schemas are as they should be. */
  let provisioned: number | undefined;

  async function asAdmin<T>(database: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const { cert, key, ca } = filesOf(context, "operator");
    const { user, password } = accounts.admin;
    const ssl = { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8"), ca: readFileSync(ca, "utf8") };
    const client = new pg.Client({
      host: "127.0.0.1",
      port,
      user,
      password,
      database,
      ssl,
      connectionTimeoutMillis: 3_000,
    });
    client.on("error", () => {});
    try {
      await client.connect();
      return await work(client);
    } finally {
      await client.end().catch(() => {});
    }
  }

  return {
    name: "database",
    scalable: false,
    launch: async () => {
      if (process.getuid?.() === 0 && files.owner === undefined) {
        const where = `PostgreSQL does not run as root, and nobody else gets at ${files.home}`;
        throw new StartupError(where, "start as another user, or set MESH_DATA_DIR to a folder that others can pass");
      }
      files.ensureData((folder) => {
        const passwordFile = files.write("password", accounts.admin.password);
        const options = ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C", `--pwfile=${passwordFile}`];
        run(install, ["-D", folder, "-U", accounts.admin.user, ...options], files.owner);
      });
      files.takeCertificates();
      const settings = [
        "listen_addresses=127.0.0.1",
        `port=${port}`,
        "unix_socket_directories=",
        `hba_file=${files.write("pg_hba.conf", hostRules)}`,
        "ssl=on",
        `ssl_cert_file=${files.tls.cert}`,
        `ssl_key_file=${files.tls.key}`,
        `ssl_ca_file=${files.tls.ca}`,
        "ssl_min_protocol_version=TLSv1.2",
        "timezone=UTC",
        "max_connections=500",
        "shared_buffers=256MB",
      ];
      return {
        command: server,
        args: ["-D", files.data, ...settings.flatMap((setting) => ["-c", setting])],
        env: plainEnvironment(context),
        owner: files.owner,
        // A fast shutdown: clients are cut off, and everything is written.
        stopSignal: "SIGINT",
        stopTimeoutMs: 60_000,
      };
    },
    port: () => port,
    async check(running) {
      try {
        if (provisioned !== running.process.pid) {
          await asAdmin("postgres", (client) => provisionRoles(client, accounts.schemas));
          for (const schema of accounts.schemas) await asAdmin(schema.name, (client) => grantRows(client, schema));
          provisioned = running.process.pid;
        }
        await asAdmin("postgres", (client) => client.query("select 1"));
        return [];
      } catch (error) {
        return [reasonOf(error) || "it does not answer"];
      }
    },
    async reload() {
      files.takeCertificates();
      await asAdmin("postgres", (client) => client.query("select pg_reload_conf()"));
    },
  };
}

async function provisionRoles(client: pg.Client, schemas: readonly ServiceSchema[]): Promise<void> {
  for (const { name, service, migrator } of schemas) {
    for (const account of [service, migrator]) await ensureRole(client, account);
    const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [name]);
    if (rowCount === 0) await client.query(`create database ${name} owner ${migrator.user}`);
    await client.query(`revoke all on database ${name} from public`);
    await client.query(`grant connect on database ${name} to ${service.user}, ${migrator.user}`);
  }
}

async function ensureRole(client: pg.Client, { user, password }: Account): Promise<void> {
  const { rowCount } = await client.query("select 1 from pg_roles where rolname = $1", [user]);
  await client.query(`${rowCount === 0 ? "create" : "alter"} role ${user} login password '${password}'`);
}

/** Tables that stand and those that migrations will make. */
async function grantRows(client: pg.Client, { service, migrator }: ServiceSchema): Promise<void> {
  const [tables, sequences] = ["select, insert, update, delete on", "usage, select on"];
  const toCome = `alter default privileges for role ${migrator.user} in schema public grant`;
  for (const statement of [
    "revoke all on schema public from public",
    `grant usage, create on schema public to ${migrator.user}`,
    `grant usage on schema public to ${service.user}`,
    `grant ${tables} all tables in schema public to ${service.user}`,
    `grant ${sequences} all sequences in schema public to ${service.user}`,
    `${toCome} ${tables} tables to ${service.user}`,
    `${toCome} ${sequences} sequences to ${service.user}`,
  ]) {
    await client.query(statement);
  }
}
