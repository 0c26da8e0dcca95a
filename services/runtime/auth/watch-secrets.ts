import { readFile } from "node:fs/promises";
import { watchFiles } from "../lifecycle/watch-files.ts";
import type { Logger } from "../telemetry/logger.ts";
import { parseSecrets, type SecretRing } from "./secret-ring.ts";

export interface WatchedSecret {
  /** The option's. */
  readonly name: string;
  /** Its secrets, one a line. */
  readonly file: string;
  readonly ring: SecretRing;
}

/** Reads secrets again whenever their files change. A file without usable secrets changes nothing, and is told once. */
export function watchSecrets(
  secrets: readonly WatchedSecret[],
  { log, periodMs }: { readonly log: Logger; readonly periodMs?: number },
): { close(): void } {
  const watches = secrets.map(({ name, file, ring }) =>
    watchFiles([file], {
      periodMs,
      async changed() {
        const before = ring.current;
        ring.replace(parseSecrets(await readFile(file, "utf8")));
        if (ring.current !== before) log.info({ name, secrets: ring.current.length }, "secrets changed");
      },
      failed: (error) =>
        log.error({ name, reason: reasonOf(error) }, "changed secrets cannot be used; the old ones stay"),
    }),
  );
  return {
    close: () => {
      for (const watch of watches) watch.close();
    },
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
