import { chmodSync, chownSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";

/** A folder that its owner alone may look into. */
export function ensureFolder(path: string, uid: number, mode = 0o500): void {
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode);
  give(path, uid);
}

/**
 * Puts a file in its place in one step, already its reader's own: Envoy reads a certificate when it is renamed into its folder,
 * and does not look again. What has not changed stays untouched.
 */
export function publishFile(path: string, content: string, uid: number): void {
  if (readIfThere(path) === content) return;
  const temporary = `${path}.new`;
  writeFileSync(temporary, content);
  chmodSync(temporary, 0o400);
  give(temporary, uid);
  renameSync(temporary, path);
}

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whoever is not root can give nothing away. */
function give(path: string, uid: number): void {
  if (process.getuid?.() === 0) chownSync(path, uid, uid);
}
