import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StartupError, toStartupError } from "./startup-error.ts";

/** A data directory that belongs to this process. */
export interface DataDir {
  /** Absolute. */
  readonly path: string;
  /** Lets another process have it. */
  release(): void;
}

/** SQLite's primary result code for "somebody else holds the lock". */
const sqliteBusy = 5;

/** Less than this and the first transactions would fail: better not to start (bytes). */
const minimumFreeBytes = 16 * 1024 * 1024;

/** Locks whose handles must stay open: a collected handle would give the lock back. */
const held = new Set<DatabaseSync>();

/**
 * Creates the directory if need be and takes it for this process. The lock is SQLite's own on a file beside the data:
 * an operating system lock, so that it ends with its process however that dies, and no pid has to be trusted. The pid is
 * kept only to be named.
 *
 * Throws StartupError when another process has it, or when it cannot be written.
 */
export function openDataDir(directory: string): DataDir {
  const path = resolve(directory);
  try {
    makeDirectory(path);
    requireSpace(path);
    const lock = takeLock(path);
    try {
      writeFileSync(ownerFile(path), JSON.stringify({ pid: process.pid, host: hostname(), since: new Date() }));
    } catch (error) {
      lock.close();
      throw error;
    }
    held.add(lock);
    return { path, release: () => release(path, lock) };
  } catch (error) {
    throw toStartupError(error, `use the data directory ${path}`) ?? error;
  }
}

/**
 * Makes a folder of its owner's alone, with those above it.
 * Node's own `recursive` never returns where a file system refuses with ENOENT (/proc), and hides that it is read-only.
 */
export function makeDirectory(path: string): void {
  const parent = dirname(path);
  if (!existsSync(parent)) makeDirectory(parent);
  try {
    // Orders name people: nobody else on the machine needs to read them.
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === "EEXIST" && statSync(path).isDirectory();
    if (!isThere) throw error;
  }
}

function takeLock(path: string): DatabaseSync {
  const lock = new DatabaseSync(join(path, "process.lock"), { timeout: 0 });
  try {
    lock.exec("pragma journal_mode = off; begin exclusive");
    return lock;
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode !== sqliteBusy) throw error;
    throw new StartupError(
      `the data directory ${path} is in use by ${owner(path)}`,
      "stop that one first, or set DATA_DIR to another folder",
    );
  }
}

function release(path: string, lock: DatabaseSync): void {
  if (!held.delete(lock)) return;
  rmSync(ownerFile(path), { force: true });
  // The lock file stays: removing it would let two processes hold two files of one name.
  lock.close();
}

function owner(path: string): string {
  try {
    const { pid, host, since } = JSON.parse(readFileSync(ownerFile(path), "utf8"));
    return `process ${pid}${host === hostname() ? "" : ` on ${host}`} (since ${since})`;
  } catch {
    return "another process";
  }
}

function ownerFile(path: string): string {
  return join(path, "process.json");
}

function requireSpace(path: string): void {
  const { bavail, blocks, bsize } = statfsSync(path);
  // Some virtual file systems do not count: 0 of 0 blocks.
  if (blocks === 0 || bavail * bsize >= minimumFreeBytes) return;
  throw new StartupError(
    `the disk of the data directory ${path} is full`,
    `free at least ${minimumFreeBytes / 1024 / 1024} MiB`,
  );
}
