import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Component } from "./components.ts";
import { type DebianArchive, debianArchive } from "./debian-archive.ts";
import { type Attempt, execute } from "./install.ts";
import { mysqlHome, mysqlLoader, mysqlPrograms } from "./mysql.ts";
import { run } from "./process.ts";

const packages = ["mysql-server-core", "mysql-client-core"];
const programs = ["sbin/mysqld", "bin/mysqldump", "bin/mysql"];

/** Oracle's MySQL of Debian's unstable suite, unpacked with its own C library into .cache/mysql; the system stays as it is. */
const unpackMysql: Attempt = {
  title: "MySQL of Debian's unstable suite into .cache/mysql, about 70 MB to fetch",
  run: async () => {
    if (!existsSync("/usr/bin/apt-get")) return "this system has no apt-get";
    const archive = debianArchive();
    if (archive === undefined) return "this system has no Debian archive among its package sources";
    const staging = `${mysqlHome}.new`;
    rmSync(staging, { recursive: true, force: true });
    try {
      return (await download(archive, staging)) ?? unpack(staging);
    } finally {
      rmSync(staging, { recursive: true, force: true });
    }
  },
};

/** Oracle's MySQL, for those who have a use for it beside MariaDB. */
export const mysql: Component = {
  name: "MySQL",
  isGood: hasMysql,
  isUsable: hasMysql,
  ways: [unpackMysql],
  byHand: "put mysqld, mysqldump and mysql of MySQL 9 or newer (https://dev.mysql.com/downloads/) on the PATH",
};

function hasMysql(): boolean {
  try {
    mysqlPrograms();
    return true;
  } catch {
    return false;
  }
}

/** With lists, cache and status of its own apt neither reads nor changes what the system has installed. */
async function download({ uri, keyring }: DebianArchive, staging: string): Promise<string | undefined> {
  for (const folder of ["lists/partial", "cache/archives/partial"])
    mkdirSync(join(staging, folder), { recursive: true });
  const [sources, status] = [join(staging, "sources.list"), join(staging, "status")];
  writeFileSync(sources, `deb ${keyring === undefined ? "" : `[signed-by=${keyring}] `}${uri} sid main\n`);
  writeFileSync(status, "");
  const apt = ["apt-get", "-qq"];
  const options = {
    "Dir::Etc::SourceList": sources,
    "Dir::Etc::SourceParts": "/nonexistent",
    "Dir::State::Lists": join(staging, "lists"),
    "Dir::State::status": status,
    "Dir::Cache": join(staging, "cache"),
    // The user that apt downloads as elsewhere may not reach this folder.
    "APT::Sandbox::User": "root",
  };
  for (const [name, value] of Object.entries(options)) apt.push("-o", `${name}=${value}`);
  return (
    (await execute([...apt, "update"])) ??
    execute([...apt, "install", "--download-only", "--no-install-recommends", "-y", ...packages])
  );
}

/** Keeps the programs, the libraries that they load and the messages: a third of what the packages hold. */
function unpack(staging: string): string | undefined {
  const root = join(staging, "root");
  const archives = join(staging, "cache/archives");
  for (const file of readdirSync(archives).filter((name) => name.endsWith(".deb"))) {
    run("dpkg-deb", ["-x", join(archives, file), root]);
  }
  const triplet = readdirSync(join(root, "usr/lib")).find((name) => name.endsWith("-linux-gnu"));
  const libraries = join(root, "usr/lib", triplet ?? "");
  const loader = readdirSync(libraries).find((name) => name.startsWith("ld-linux"));
  if (loader === undefined) return "the packages hold no dynamic loader";
  const kept = join(staging, "kept");
  for (const folder of ["bin", "lib", "share/english"]) mkdirSync(join(kept, folder), { recursive: true });
  for (const program of programs) {
    const path = join(root, "usr", program);
    copyFileSync(path, join(kept, "bin", basename(program)));
    const needed = run(join(libraries, loader), ["--library-path", libraries, "--list", path]);
    for (const [, library = ""] of needed.matchAll(/=> (\/\S+)/g)) {
      copyFileSync(library, join(kept, "lib", basename(library)));
    }
  }
  copyFileSync(join(libraries, loader), join(kept, "lib", mysqlLoader));
  copyFileSync(join(root, "usr/share/mysql/english/errmsg.sys"), join(kept, "share/english/errmsg.sys"));
  renameSync(join(root, "usr/share/mysql/charsets"), join(kept, "share/charsets"));
  rmSync(mysqlHome, { recursive: true, force: true });
  renameSync(kept, mysqlHome);
  return undefined;
}
