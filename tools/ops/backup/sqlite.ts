import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openDataDir } from "@ordermesh/runtime/lifecycle/data-dir.ts";
import { StartupError, toStartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { type DatabaseCopy, requireSame } from "./archive.ts";
import type { BackupTarget } from "./target.ts";

/** The embedded bus: its messages are kept beside the databases and are no part of a backup. */
const busFile = "bus.sqlite";
/** What SQLite keeps beside a file. */
const companions = ["", "-wal", "-shm"];

/** The SQLite files of an embedded instance, running or not. */
export function sqliteTarget(dataDir: string): BackupTarget {
  return {
    title: `the SQLite files in ${dataDir}`,
    product: async () => "sqlite",
    async copy(folder) {
      const files = databaseFiles(dataDir);
      if (files.length === 0)
        throw new StartupError(`there is no database in ${dataDir}`, "set DATA_DIR or DATABASE_URL");
      return files.map((file) => copyFile(join(dataDir, file), folder));
    },
    async restore(folder, manifest, { now }) {
      const lock = openDataDir(dataDir);
      try {
        for (const copy of manifest.databases) requireSame(copy, countRows(join(folder, copy.file)));
        const aside = join(dataDir, `before-restore-${now.toISOString().replace(/[-:.]/g, "")}`);
        mkdirSync(aside, { mode: 0o700 });
        for (const { file } of manifest.databases) replace(join(dataDir, file), join(folder, file), aside);
        const rewound = rewindBus(join(dataDir, busFile));
        return [`the files before this are in ${aside}`, ...rewound];
      } finally {
        lock.release();
      }
    },
    close: async () => undefined,
  };
}

function databaseFiles(dataDir: string): string[] {
  if (!existsSync(dataDir)) return [];
  return readdirSync(dataDir).filter((file) => /^[a-z][a-z0-9_]*\.sqlite$/.test(file) && file !== busFile);
}

/** One commit's state, also while a service writes: its writers do not wait for this reader (WAL). */
function copyFile(path: string, folder: string): DatabaseCopy {
  const file = basename(path);
  try {
    const source = new DatabaseSync(path, { timeout: 5000 });
    try {
      source.prepare("vacuum into ?").run(join(folder, file));
    } finally {
      source.close();
    }
    return { name: basename(file, ".sqlite"), file, tables: countRows(join(folder, file)) };
  } catch (error) {
    throw toStartupError(error, `back up ${path}`) ?? error;
  }
}

/** Rows of every table. Throws StartupError where the file is damaged. */
function countRows(path: string): Record<string, number> {
  const copy = new DatabaseSync(path, { readOnly: true });
  try {
    const problems = copy
      .prepare("pragma integrity_check")
      .all()
      .map((row) => Object.values(row).join());
    if (problems.join() !== "ok") throw new StartupError(`${path} is damaged`, problems.slice(0, 3).join("; "));
    const tables = copy
      .prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\'")
      .all();
    return Object.fromEntries(
      tables.map(({ name }) => [name, Number(copy.prepare(`select count(*) as n from "${name}"`).get()?.n)]),
    );
  } finally {
    copy.close();
  }
}

function replace(path: string, by: string, aside: string): void {
  for (const companion of companions) {
    if (existsSync(path + companion)) renameSync(path + companion, join(aside, basename(path) + companion));
  }
  // Complete or not at all, from whatever disk.
  const copy = join(aside, "restored");
  copyFileSync(by, copy);
  renameSync(copy, path);
}

/** Lets every consumer of the embedded bus begin anew: it keeps what was acknowledged, too. */
function rewindBus(path: string): string[] {
  if (!existsSync(path)) return [];
  const bus = new DatabaseSync(path);
  try {
    bus.exec("begin immediate; delete from pending; update consumers set cursor = 0; commit");
  } catch (error) {
    throw toStartupError(error, `rewind the event bus ${path}`) ?? error;
  } finally {
    bus.close();
  }
  return ["the consumers of the event bus begin anew at the next start, and pass over what the backup has"];
}
