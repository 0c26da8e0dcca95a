import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { StartupError, toStartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { type Manifest, pack, unpack } from "./archive.ts";
import type { BackupTarget, RestoreOptions } from "./target.ts";

export interface BackupReport {
  readonly bytes: number;
  readonly databases: readonly { readonly name: string; readonly tables: number; readonly rows: number }[];
}

/** Writes a checked backup to the file `out`, which must not be there. Throws StartupError. */
export async function backUp(target: BackupTarget, out: string, now: Date): Promise<BackupReport> {
  const path = resolve(out);
  if (existsSync(path)) throw new StartupError(`${path} is there already`, "name another file with --out");
  return await inFolderBeside(path, async (folder) => {
    const product = await target.product();
    const databases = await target.copy(folder);
    await pack(folder, path, { createdAt: now.toISOString(), product, databases });
    const report = databases.map(({ name, tables }) => {
      const counts = Object.values(tables);
      return { name, tables: counts.length, rows: counts.reduce((sum, rows) => sum + rows, 0) };
    });
    return { bytes: statSync(path).size, databases: report };
  });
}

/** Puts the backup `file` in the place of what is there. Returns what it was of and what to tell. Throws StartupError. */
export async function restore(
  target: BackupTarget,
  file: string,
  options: RestoreOptions,
): Promise<{ readonly manifest: Manifest; readonly notes: readonly string[] }> {
  const path = resolve(file);
  return await inFolderBeside(path, async (folder) => {
    const manifest = await unpack(path, folder);
    const product = await target.product();
    if (manifest.product !== product) {
      throw new StartupError(
        `the backup is of ${manifest.product}, and ${target.title} is ${product}`,
        "name another one",
      );
    }
    return { manifest, notes: await target.restore(folder, manifest, options) };
  });
}

/** A folder on the same disk as a file, gone again afterwards. */
async function inFolderBeside<T>(path: string, work: (folder: string) => Promise<T>): Promise<T> {
  let folder: string | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true });
    folder = mkdtempSync(`${path}.`);
    return await work(folder);
  } catch (error) {
    throw toStartupError(error, `work beside ${path}`) ?? error;
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}
