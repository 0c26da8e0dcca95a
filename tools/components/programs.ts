import { execFileSync } from "node:child_process";
import { accessSync, constants, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** Where `npm test` puts what it builds itself. */
export const builtPrograms = join(import.meta.dirname, "../../.cache/bin");

/** Private environment of the Python package that carries Envoy's official binary. */
export const envoyHome = join(builtPrograms, "../envoy");

const systemFolders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
const goFolders = [builtPrograms, join(homedir(), "go/bin"), "/usr/local/go/bin", ...systemFolders];

/** Every installed copy of a program: PATH first, then `folders`. */
export function findPrograms(name: string, folders: readonly string[]): string[] {
  const everywhere = [...(process.env.PATH ?? "").split(delimiter), ...folders];
  const paths = everywhere.filter((folder) => folder !== "").map((folder) => join(folder, name));
  return [...new Set(paths)].filter(isExecutable);
}

function findProgram(name: string, folders: readonly string[]): string {
  const [program] = findPrograms(name, folders);
  if (program === undefined) throw new Error(`${name} is not installed: run "npm test", which installs it`);
  return program;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A database server's programs: it, what makes its folder, and the clients that write and read dumps. */
export interface DatabasePrograms {
  readonly server: string;
  readonly install: string;
  readonly dump: string;
  readonly client: string;
}

/** Throws when one is missing, as the functions below do. */
export function mariadbPrograms(): DatabasePrograms {
  // The installer is a script that needs my_print_defaults, which Debian has in another package.
  findProgram("my_print_defaults", systemFolders);
  return {
    server: findProgram("mariadbd", systemFolders),
    install: findProgram("mariadb-install-db", systemFolders),
    dump: findProgram("mariadb-dump", systemFolders),
    client: findProgram("mariadb", systemFolders),
  };
}

/** Of the newest PostgreSQL: Debian keeps each version's programs in a folder of its own, off the PATH. */
export function postgresPrograms(): DatabasePrograms {
  const versions = debianVersions().sort((a, b) => Number(b) - Number(a));
  const folders = [...versions.map((version) => `/usr/lib/postgresql/${version}/bin`), ...systemFolders];
  return {
    server: findProgram("postgres", folders),
    install: findProgram("initdb", folders),
    dump: findProgram("pg_dump", folders),
    client: findProgram("psql", folders),
  };
}

function debianVersions(): string[] {
  try {
    return readdirSync("/usr/lib/postgresql");
  } catch {
    return [];
  }
}

export function grpcurlProgram(): string {
  return findProgram("grpcurl", goFolders);
}

/** Source of the program that reads compose files as `docker compose` does. */
export const composeLoaderSource = join(import.meta.dirname, "../../test/compose/loader");

/** Throws also when the built program is older than its source. */
export function composeLoaderProgram(): string {
  const program = findProgram("ordermesh-compose-loader", [builtPrograms]);
  const sources = ["main.go", "go.mod"].map((file) => statSync(join(composeLoaderSource, file)).mtimeMs);
  if (statSync(program).mtimeMs < Math.max(...sources)) throw new Error(`${program} is older than its source`);
  return program;
}

/** Envoy: `ENVOY_BIN` where somebody set it, else the one on the PATH, else the one that was installed here. */
export function envoyProgram(): string {
  const chosen = process.env.ENVOY_BIN ?? "";
  if (chosen !== "" && !isExecutable(chosen)) throw new Error(`ENVOY_BIN is ${chosen}, which cannot be run`);
  return chosen === "" ? findProgram("envoy", [join(envoyHome, "bin"), ...systemFolders]) : chosen;
}

/** The newest installed nats-server, for what JetStream can do depends on its version; `version` as [major, minor, patch]. */
export function natsServerProgram(): { path: string; version: readonly [number, number, number] } {
  const programs = findPrograms("nats-server", goFolders).map((path) => ({ path, version: versionOf(path) }));
  const [newest] = programs.sort((a, b) => compare(b.version, a.version));
  return newest ?? { path: findProgram("nats-server", goFolders), version: [0, 0, 0] };
}

/** `nats-server: v2.11.3` and the like. */
function versionOf(path: string): [number, number, number] {
  const match = /(\d+)\.(\d+)\.(\d+)/.exec(execFileSync(path, ["--version"], { encoding: "utf8" }));
  return [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0), Number(match?.[3] ?? 0)];
}

function compare(a: readonly number[], b: readonly number[]): number {
  const difference = a.map((part, index) => part - (b[index] ?? 0)).find((part) => part !== 0);
  return difference ?? 0;
}
