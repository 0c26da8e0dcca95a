import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { answers, type DatabaseServer } from "./mariadb.ts";
import { freePort, run, startServer } from "./process.ts";
import { builtPrograms, findPrograms } from "./programs.ts";

/** Where `mysql-debian.ts` puts the MySQL that it unpacks: `bin`, `lib`, `share`. */
export const mysqlHome = join(builtPrograms, "../mysql");

/** The dynamic loader beside the libraries, whatever the machine's kind calls it. */
export const mysqlLoader = "loader.so";

/** A program and the arguments that come before all others. */
export type Command = readonly [string, ...string[]];

export interface MysqlPrograms {
  readonly server: Command;
  readonly dump: Command;
  readonly client: Command;
}

/** The oldest MySQL that counts as a current one; MariaDB's `mysqld` says so in its version. */
const oldest = 9;

/** Oracle's MySQL: the unpacked one, else one on the PATH. Throws when there is none. */
export function mysqlPrograms(): MysqlPrograms {
  if (existsSync(join(mysqlHome, "bin/mysqld"))) return unpackedPrograms();
  const server = findPrograms("mysqld", []).find((path) => isCurrentMysql(run(path, ["--version"])));
  const [dump] = findPrograms("mysqldump", []);
  const [client] = findPrograms("mysql", []);
  if (server === undefined || dump === undefined || client === undefined) {
    throw new Error('MySQL is not installed: run "npm run test:mysql", which installs it');
  }
  return { server: [server, "--no-defaults"], dump: [dump], client: [client] };
}

/** Whether `mysqld --version` speaks of Oracle's MySQL, new enough. */
export function isCurrentMysql(version: string): boolean {
  const major = /Ver (\d+)\./.exec(version)?.[1];
  return !/mariadb/i.test(version) && Number(major) >= oldest;
}

/** Through their own loader and C library, which are newer than the system's. */
function unpackedPrograms(): MysqlPrograms {
  const program = (name: string, ...args: string[]): Command => [
    join(mysqlHome, "lib", mysqlLoader),
    "--library-path",
    join(mysqlHome, "lib"),
    join(mysqlHome, "bin", name),
    ...args,
  ];
  const share = join(mysqlHome, "share");
  const characterSets = `--character-sets-dir=${join(share, "charsets")}`;
  return {
    server: program("mysqld", "--no-defaults", `--lc-messages-dir=${share}`, characterSets),
    dump: program("mysqldump"),
    client: program("mysql"),
  };
}

/**
 * Starts a private MySQL under `directory`, as careless as `startMariadb`: no strict mode, a zone that is not UTC, a
 * case-insensitive collation. Its account has a password, so that every connection goes through caching_sha2_password.
 * `settings` come last and win.
 */
export async function startMysql(directory: string, settings: readonly string[] = []): Promise<DatabaseServer> {
  const [command, ...first] = mysqlPrograms().server;
  const home = join(directory, "mysql");
  mkdirSync(home);
  const asRoot = process.getuid?.() === 0 ? ["--user=root"] : [];
  const common = [...first, ...asRoot, `--datadir=${join(home, "data")}`, "--innodb-redo-log-capacity=67108864"];
  run(command, [...common, "--initialize-insecure", `--log-error=${join(home, "log")}`]);
  const accounts = join(home, "accounts.sql");
  writeFileSync(
    accounts,
    "create user mesh@'%' identified by 'secret'; grant all on *.* to mesh@'%' with grant option;",
  );
  const port = await freePort();
  const url = `mysql://mesh:secret@127.0.0.1:${port}`;
  const server = await startServer({
    command,
    args: [
      ...common,
      "--bind-address=127.0.0.1",
      `--port=${port}`,
      `--socket=${join(home, "socket")}`,
      `--pid-file=${join(home, "pid")}`,
      `--init-file=${accounts}`,
      "--secure-file-priv=",
      "--mysqlx=0",
      "--sql-mode=NO_ENGINE_SUBSTITUTION",
      "--default-time-zone=+08:00",
      "--max-connections=500",
      "--innodb-buffer-pool-size=128M",
      // Tests kill our processes, never the machine: what the system's page cache holds is safe.
      "--innodb-flush-log-at-trx-commit=2",
      "--skip-log-bin",
      ...settings,
    ],
    logFile: join(home, "log"),
    orphanSignal: "KILL",
    ready: () => answers(url),
  });
  return { url, pid: server.pid, stop: () => server.stop("SIGKILL") };
}
