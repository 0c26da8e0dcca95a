import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";

/** Size of a log file from which on it is put aside (bytes). */
const defaultMaxBytes = 16 * 1024 * 1024;
/** Older files that are kept: FILE.1 is the youngest. */
const keptFiles = 3;

/**
 * Puts a log file aside when it has grown large. Processes write straight into it, so that they live on without their
 * supervisor; the file is therefore copied and emptied, not renamed. What is written between the last look and the emptying, some
 * microseconds, is lost.
 */
export function rotateLog(path: string, maxBytes = defaultMaxBytes): boolean {
  const size = fileSize(path);
  if (size < maxBytes) return false;
  rmSync(`${path}.${keptFiles}`, { force: true });
  for (let index = keptFiles - 1; index >= 1; index -= 1) {
    if (fileSize(`${path}.${index}`) > 0) renameSync(`${path}.${index}`, `${path}.${index + 1}`);
  }
  copyFileSync(path, `${path}.1`);
  const log = openSync(path, "r+");
  const copy = openSync(`${path}.1`, "a");
  const buffer = Buffer.alloc(65_536);
  let position = fileSize(`${path}.1`);
  for (let length = 1; length > 0; position += length) {
    length = readSync(log, buffer, 0, buffer.length, position);
    writeSync(copy, buffer, 0, length);
  }
  ftruncateSync(log);
  closeSync(log);
  closeSync(copy);
  return true;
}

/** Bytes of a file; 0 when there is none. */
export function fileSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The text of a file from a place on, at most its last `maxBytes`. */
export function readFrom(path: string, from: number, maxBytes = 1024 * 1024): string {
  const size = fileSize(path);
  // It was put aside meanwhile.
  const start = Math.max(from > size ? 0 : from, size - maxBytes);
  if (size === 0) return "";
  const file = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(size - start);
    return buffer.toString("utf8", 0, readSync(file, buffer, 0, buffer.length, start));
  } finally {
    closeSync(file);
  }
}

/** The last lines of a file. */
export function lastLines(path: string, count: number): string {
  return readFrom(path, 0, count * 2000)
    .trimEnd()
    .split("\n")
    .slice(-count)
    .join("\n");
}
