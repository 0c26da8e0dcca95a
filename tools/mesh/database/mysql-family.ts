import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { type Command, mysqlPrograms } from "../../components/mysql.ts";
import { run } from "../../components/process.ts";
import { mariadbPrograms } from "../../components/programs.ts";
import type { Component } from "../component.ts";
import { filesOf, type MeshContext, plainEnvironment } from "../components/context.ts";
import { reasonOf } from "../components/https.ts";
import { type Account, type Accounts, databaseAccounts } from "./accounts.ts";
import { DatabaseFiles } from "./database-files.ts";

/** What MariaDB and Oracle's MySQL do differently. */
interface Flavour {
  readonly server: Command;
  install(folder: string): void;
  readonly settings: readonly string[];
  readonly reloadTls: string;
}

/** Instances of all services with their pools, and operators. */
const connections = 500;

/** MariaDB or MySQL: TLS only, and every account bound to one certificate. */
export function mysqlFamily(context: MeshContext, kind: "mariadb" | "mysql"): Component {
  const port = context.ports.database;
  const accounts = databaseAccounts(context.secrets);
  const files = new DatabaseFiles(join(context.layout.database, kind), ["mysql"], filesOf(context, "database"));
  const flavour = kind === "mariadb" ? mariadb(files) : mysql(files);
  const [command, ...first] = flavour.server;

  async function asAdmin(sql: string): Promise<void> {
    const { cert, key, ca } = filesOf(context, "operator");
    const { user, password } = accounts.admin;
    const ssl = { cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(ca), verifyIdentity: true };
    const connection = await createConnection({ host: "127.0.0.1", port, user, password, ssl, connectTimeout: 3_000 });
    try {
      await connection.query(sql);
    } finally {
      await connection.end();
    }
  }

  return {
    name: "database",
    scalable: false,
    launch: async () => {
      files.ensureData(flavour.install);
      files.takeCertificates();
      return {
        command,
        args: [
          ...first,
          ...asRoot(files),
          `--datadir=${files.data}`,
          "--bind-address=127.0.0.1",
          `--port=${port}`,
          `--socket=${socketOf(files)}`,
          `--pid-file=${join(files.home, "pid")}`,
          `--init-file=${files.write("accounts.sql", accountStatements(accounts))}`,
          `--ssl-cert=${files.tls.cert}`,
          `--ssl-key=${files.tls.key}`,
          `--ssl-ca=${files.tls.ca}`,
          "--require-secure-transport=ON",
          "--skip-name-resolve",
          "--character-set-server=utf8mb4",
          "--collation-server=utf8mb4_bin",
          "--default-time-zone=+00:00",
          `--max-connections=${connections}`,
          "--innodb-buffer-pool-size=256M",
          ...flavour.settings,
        ],
        env: plainEnvironment(context),
        owner: files.owner,
        stopTimeoutMs: 60_000,
      };
    },
    port: () => port,
    async check() {
      try {
        await asAdmin("select 1");
        return [];
      } catch (error) {
        return [reasonOf(error) || "it does not answer"];
      }
    },
    async reload() {
      files.takeCertificates();
      await asAdmin(flavour.reloadTls);
    },
  };
}

function mariadb(files: DatabaseFiles): Flavour {
  const { server, install } = mariadbPrograms();
  return {
    server: [server, "--no-defaults"],
    install: (folder) => {
      const options = ["--auth-root-authentication-method=normal", "--skip-test-db"];
      run(install, ["--no-defaults", `--datadir=${folder}`, ...options, ...asRoot(files)], files.owner);
    },
    settings: [],
    reloadTls: "flush ssl",
  };
}

function mysql(files: DatabaseFiles): Flavour {
  const { server } = mysqlPrograms();
  const [command, ...first] = server;
  return {
    server,
    install: (folder) => {
      const common = [...first, ...asRoot(files), `--datadir=${folder}`];
      const settings = ["--secure-file-priv=NULL", `--log-error=${join(files.home, "install.log")}`];
      run(command, [...common, "--initialize-insecure", ...settings], files.owner);
    },
    // Without replicas a binary log costs a second write of everything.
    settings: ["--mysqlx=0", "--skip-log-bin", "--secure-file-priv=NULL"],
    reloadTls: "alter instance reload tls",
  };
}

/** Both refuse to run as root unless told to: where nobody else could get at the folder. */
function asRoot({ owner }: DatabaseFiles): string[] {
  return process.getuid?.() === 0 && owner === undefined ? ["--user=root"] : [];
}

/** A Unix socket's path is short, and nobody uses this one. */
function socketOf({ home }: DatabaseFiles): string {
  const path = join(home, "socket");
  return Buffer.byteLength(path) <= 100 ? path : `/tmp/ordermesh-mysql-${process.pid}`;
}

/**
 * Runs before the server takes its first connection, at every start: schemas, accounts with today's passwords, and nobody
 * else. One statement a line.
 */
function accountStatements({ admin, schemas }: Accounts): string {
  const installed = ["localhost", "127.0.0.1", "::1", hostname().toLowerCase()];
  const lines = [
    ...account(admin, "all privileges", "*.*"),
    `grant grant option on *.* to ${admin.user}@'%'`,
    ...schemas.flatMap(({ name, service, migrator }) => [
      `create database if not exists ${name} character set utf8mb4 collate utf8mb4_bin`,
      ...account(service, "select, insert, update, delete", `${name}.*`),
      ...account(migrator, "all privileges", `${name}.*`),
    ]),
    // Made by the installation, without a password.
    `drop user if exists ${installed.map((name) => `root@'${name}', ''@'${name}'`).join(", ")}`,
  ];
  return lines.map((line) => `${line};\n`).join("");
}

function account({ user, password, identity }: Account, rights: string, where: string): string[] {
  return [
    `create user if not exists ${user}@'%' identified by '${password}'`,
    `alter user ${user}@'%' identified by '${password}' require subject '/CN=${identity}'`,
    `grant ${rights} on ${where} to ${user}@'%'`,
  ];
}
