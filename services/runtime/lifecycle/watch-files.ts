import { stat } from "node:fs/promises";

/** How soon a change is seen (milliseconds). */
const defaultPeriodMs = 1_000;

export interface FileWatchOptions {
  readonly periodMs?: number;
  /** Reads the files again. What it throws is told to `failed` once, unless the files change again meanwhile. */
  changed(): Promise<void>;
  failed(error: unknown): void;
}

/**
 * Looks whether files have changed, however that was done: written, renamed over, or (as Kubernetes does it for mounted
 * secrets) by another target of a symbolic link above them, of which the system's own notifications tell differently on
 * every file system. Looking costs microseconds.
 */
export function watchFiles(
  paths: readonly string[],
  { periodMs = defaultPeriodMs, changed, failed }: FileWatchOptions,
): { close(): void } {
  /** As last read, well or not; unknown at first: the caller has read them, but perhaps before a change. */
  let read: string | undefined;
  /** As it was when reading failed: several files are seldom replaced in one instant. */
  let suspect: string | undefined;
  let looking = false;

  async function look(): Promise<void> {
    const seen = (await Promise.all(paths.map(stateOf))).join("\n");
    if (seen === read) return;
    try {
      await changed();
      read = seen;
      suspect = undefined;
    } catch (error) {
      if (suspect === seen) {
        failed(error);
        read = seen;
      }
      suspect = seen;
    }
  }

  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => {
      looking = false;
    });
  }, periodMs).unref();
  return { close: () => clearInterval(timer) };
}

/** Follows links. */
async function stateOf(path: string): Promise<string> {
  try {
    const { ino, dev, size, mtimeMs, ctimeMs } = await stat(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join(" ");
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
