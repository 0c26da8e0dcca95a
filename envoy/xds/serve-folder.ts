import { setTimeout as sleep } from "node:timers/promises";
import { type ControlPlane, type ControlPlaneEvent, createControlPlane } from "./control-plane.ts";
import { type ListeningServer, type ListenOptions, listen } from "./listen.ts";
import { type FolderContent, folderFingerprint, readResourceFolder } from "./resource-folder.ts";

export interface ServeFolderOptions extends Pick<ListenOptions, "host" | "port" | "tls"> {
  readonly directory: string;
  /** Told of every reading, the first included. Without a snapshot in it the last good one goes on being served. */
  readonly onReading?: (content: FolderContent) => void;
  readonly onEvent?: (event: ControlPlaneEvent) => void;
  /** How often files are looked at (milliseconds). Looking works on every file system, also across mounts. Default 1 s. */
  readonly periodMs?: number;
}

export interface FolderServer extends ListeningServer {
  readonly controlPlane: ControlPlane;
}

/**
 * Serves a folder of resource files to every client and follows its changes. Rejects when the folder's first content is not
 * right, with all errors, and when the port cannot be had.
 */
export async function serveFolder(options: ServeFolderOptions): Promise<FolderServer> {
  const { directory, host, port, tls, onReading, onEvent, periodMs = 1_000 } = options;
  let seen = await folderFingerprint(directory);
  const content = await readResourceFolder(directory);
  onReading?.(content);
  if (content.snapshot === undefined) throw new Error(content.errors.join("\n"));
  const controlPlane = createControlPlane({ onEvent });
  controlPlane.setSnapshot(content.snapshot);
  const server = await listen({ host, port, tls, routes: controlPlane.routes });
  const stop = new AbortController();
  const watching = watch();

  async function watch(): Promise<void> {
    while (!stop.signal.aborted) {
      await sleep(periodMs, undefined, { signal: stop.signal }).catch(() => {});
      await look();
    }
  }

  async function look(): Promise<void> {
    try {
      const now = await folderFingerprint(directory);
      if (now === seen || stop.signal.aborted) return;
      seen = now;
      const { snapshot, ...problems } = await readResourceFolder(directory);
      if (snapshot !== undefined) controlPlane.setSnapshot(snapshot);
      onReading?.({ snapshot, ...problems });
    } catch (error) {
      // Perhaps it is being replaced just now; the next look tells.
      const text = error instanceof Error ? error.message : String(error);
      if (seen !== text) onReading?.({ errors: [text], warnings: [] });
      seen = text;
    }
  }

  return {
    port: server.port,
    setCertificate: server.setCertificate,
    controlPlane,
    async close() {
      stop.abort();
      await watching;
      controlPlane.close();
      await server.close();
    },
  };
}
