import { spawn } from "node:child_process";
import {
  closeSync,
  createReadStream,
  createWriteStream,
  fstatSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import type { DatabaseAddress, DatabaseTls } from "@ordermesh/runtime/store/address.ts";
import { type Command, mysqlPrograms } from "../../components/mysql.ts";
import { mariadbPrograms, postgresPrograms } from "../../components/programs.ts";

/** The server's own programs with a way in that no process list shows. Disposing removes the files with the secrets. */
export interface DumpTools extends AsyncDisposable {
  /** Writes a schema as of one moment, as SQL. Throws StartupError, as the next ones do. */
  dump(schema: string, file: string): Promise<void>;
  /** Runs a dump in an empty schema. */
  load(file: string, schema: string): Promise<void>;
  /** Drops `tables` and runs a dump, in one transaction (PostgreSQL). */
  replace(file: string, schema: string, tables: readonly string[]): Promise<void>;
}

/** The last line of a dump that was written to its end. */
const ends = { mysql: /-- Dump completed/, postgres: /PostgreSQL database dump complete/ };

/** Of MySQL or MariaDB: each one's own, the other's may not know what it writes. */
export function mysqlTools(address: DatabaseAddress, tls: DatabaseTls | undefined, product: string): DumpTools {
  const programs = product === "mysql" ? installed(mysqlPrograms) : installed(mariadbPrograms);
  const secrets = secretFiles({ ...pemsOf(tls) });
  const options = {
    ...{
      host: address.host,
      port: String(address.port),
      user: address.user,
      password: address.password,
      protocol: "tcp",
    },
    ...mysqlTls(product, tls, secrets.path),
  };
  const lines = Object.entries(options).map(([name, value]) => `${name}="${value.replace(/["\\]/g, "\\$&")}"`);
  const defaults = `--defaults-file=${secrets.write("client.cnf", `[client]\n${lines.join("\n")}\n`)}`;
  const command = (program: string | Command, ...args: string[]) => [program, defaults, ...args].flat();
  const oracle = product === "mysql" ? ["--set-gtid-purged=OFF", "--column-statistics=0"] : [];
  const load: DumpTools["load"] = async (file, schema) =>
    run(command(programs.client, "--default-character-set=utf8mb4", schema), { input: file });
  return {
    async dump(schema, file) {
      const consistent = ["--single-transaction", "--quick", "--skip-lock-tables", "--no-tablespaces"];
      const exact = ["--hex-blob", "--default-character-set=utf8mb4", ...oracle];
      await run(command(programs.dump, ...consistent, ...exact, schema), { output: file });
      requireEnd(file, ends.mysql);
    },
    load,
    replace: load,
    [Symbol.asyncDispose]: secrets.remove,
  };
}

/** The two families name the same things differently. */
function mysqlTls(
  product: string,
  tls: DatabaseTls | undefined,
  path: (name: string) => string,
): Record<string, string> {
  const oracle = product === "mysql";
  if (tls === undefined) return oracle ? { "get-server-public-key": "ON" } : {};
  const files: Record<string, string> = {};
  if (tls.ca !== undefined) files["ssl-ca"] = path("ca");
  if (tls.cert !== undefined) files["ssl-cert"] = path("cert");
  if (tls.key !== undefined) files["ssl-key"] = path("key");
  if (oracle) return { ...files, "ssl-mode": tls.rejectUnauthorized ? "VERIFY_IDENTITY" : "REQUIRED" };
  return { ...files, ssl: "1", ...(tls.rejectUnauthorized && { "ssl-verify-server-cert": "1" }) };
}

export function postgresTools(address: DatabaseAddress, tls: DatabaseTls | undefined): DumpTools {
  const programs = installed(postgresPrograms);
  const secrets = secretFiles({ ...pemsOf(tls) });
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PGHOST: address.host,
    PGPORT: String(address.port),
    PGUSER: address.user,
    PGPASSWORD: address.password,
    PGSSLMODE: tls === undefined ? "disable" : tls.rejectUnauthorized ? "verify-full" : "require",
    ...(tls?.ca !== undefined && { PGSSLROOTCERT: secrets.path("ca") }),
    ...(tls?.cert !== undefined && { PGSSLCERT: secrets.path("cert") }),
    ...(tls?.key !== undefined && { PGSSLKEY: secrets.path("key") }),
    PGOPTIONS: "--client-min-messages=warning",
  };
  // --no-psqlrc: a person's settings must not change what is loaded.
  const psql = [programs.client, "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"];
  return {
    async dump(schema, file) {
      await run([programs.dump, "--format=plain", schema], { output: file, env });
      requireEnd(file, ends.postgres);
    },
    load: (file, schema) => run([...psql, `--dbname=${schema}`], { input: file, env }),
    async replace(file, schema, tables) {
      const names = tables.map((name) => `"${name.replaceAll('"', '""')}"`).join(", ");
      const drop = secrets.write("drop.sql", tables.length === 0 ? "" : `drop table ${names} cascade;\n`);
      await run([...psql, `--dbname=${schema}`, `--file=${drop}`, `--file=${file}`], { env });
    },
    [Symbol.asyncDispose]: secrets.remove,
  };
}

function installed<T>(find: () => T): T {
  try {
    return find();
  } catch (error) {
    throw new StartupError(error instanceof Error ? error.message : String(error), "install it here", { cause: error });
  }
}

function pemsOf(tls: DatabaseTls | undefined): Record<string, string> {
  const { ca, cert, key } = tls ?? {};
  return { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) };
}

/** Files that their owner alone reads, in a folder that goes again. */
function secretFiles(contents: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), "ordermesh-dump-"));
  const write = (name: string, content: string) => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  for (const [name, content] of Object.entries(contents)) write(name, content);
  const remove = async () => rmSync(folder, { recursive: true, force: true });
  return { write, path: (name: string) => join(folder, name), remove };
}

interface RunOptions {
  readonly input?: string;
  readonly output?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a program to its end, its input and output files; throws StartupError with its last words where it fails. */
async function run(
  [program = "", ...args]: readonly string[],
  { input, output, env = process.env }: RunOptions,
): Promise<void> {
  const child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-2000);
  });
  const ended = new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(code === 0 ? undefined : (signal ?? `exit code ${code}`)));
  });
  // A program that ends early breaks its pipe; why is told by how it ended.
  const fed =
    input === undefined ? child.stdin.end() : pipeline(createReadStream(input), child.stdin).catch(() => undefined);
  const read =
    output === undefined
      ? child.stdout.resume()
      : pipeline(child.stdout, createWriteStream(output, { flags: "wx", mode: 0o600 }));
  const [problem] = await Promise.all([ended, fed, read]);
  if (problem !== undefined) throw new StartupError(`${program} failed (${problem})`, said.trim() || "it says nothing");
}

function requireEnd(file: string, last: RegExp): void {
  const descriptor = openSync(file, "r");
  try {
    const bytes = Buffer.alloc(500);
    const { size } = fstatSync(descriptor);
    readSync(descriptor, bytes, 0, bytes.length, Math.max(0, size - bytes.length));
    if (!last.test(bytes.toString("latin1"))) throw new StartupError("the dump is cut off", "try again");
  } finally {
    closeSync(descriptor);
  }
}
