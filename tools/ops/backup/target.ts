import type { DatabaseCopy, Manifest } from "./archive.ts";

/** Databases that are backed up and restored together. */
export interface BackupTarget {
  /** `the SQLite files in data`, `the database order at 127.0.0.1:3306`. */
  readonly title: string;
  product(): Promise<Manifest["product"]>;
  /** Writes checked copies into a folder. Throws StartupError, as the next one does. */
  copy(folder: string): Promise<DatabaseCopy[]>;
  /**
   * Puts the copies of a folder, which are of this product, in the place of what is there: all or nothing of each database.
   * Refuses while somebody uses it, but for a server with `whileRunning`. Returns what else to tell.
   */
  restore(folder: string, manifest: Manifest, options: RestoreOptions): Promise<string[]>;
  close(): Promise<void>;
}

export interface RestoreOptions {
  readonly whileRunning: boolean;
  readonly now: Date;
}
