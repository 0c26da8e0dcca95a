import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { StartupError } from "../lifecycle/startup-error.ts";
import { watchFiles } from "../lifecycle/watch-files.ts";
import type { Logger } from "../telemetry/logger.ts";

/** Paths of PEM files. */
export interface TlsFiles {
  /** Our certificate, with what is between it and the authority. */
  readonly cert: string;
  readonly key: string;
  /** The authorities that vouch for peers. */
  readonly ca: string;
}

/** The files' contents; certificate and key belong together. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** Who this process is to its peers. */
export interface TlsIdentity {
  /** As of now: another object after every change. For each new connection. */
  readonly current: TlsMaterial;
  /** `listener` is called after each change; the result ends that. */
  onChange(listener: () => void): () => void;
  /** Stops watching the files. */
  close(): void;
}

/**
 * Reads and watches a certificate, its key and the authorities. Files that do not fit together (a rotation that is half
 * done, a mistake) change nothing, and are told once. Throws StartupError when the first ones do not fit.
 */
export async function openTlsIdentity(
  files: TlsFiles,
  { log, periodMs }: { readonly log: Logger; readonly periodMs?: number },
): Promise<TlsIdentity> {
  let current: TlsMaterial;
  try {
    current = await readMaterial(files);
  } catch (error) {
    throw new StartupError("the files of TLS_CERT_FILE, TLS_KEY_FILE and TLS_CA_FILE cannot be used", reasonOf(error), {
      cause: error,
    });
  }
  const listeners = new Set<() => void>();
  const watch = watchFiles(Object.values(files), {
    periodMs,
    async changed() {
      const next = await readMaterial(files);
      if (next.cert === current.cert && next.key === current.key && next.ca === current.ca) return;
      current = next;
      log.info({ cert: files.cert }, "certificates changed: new connections use the new ones");
      for (const listener of [...listeners]) listener();
    },
    failed: (error) => log.error({ reason: reasonOf(error) }, "changed certificates cannot be used; the old ones stay"),
  });
  return {
    get current() {
      return current;
    },
    onChange(listener) {
      const entry = () => listener();
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
    close: () => watch.close(),
  };
}

async function readMaterial(files: TlsFiles): Promise<TlsMaterial> {
  const [cert, key, ca] = await Promise.all([files.cert, files.key, files.ca].map((file) => readFile(file, "utf8")));
  const material = { cert: cert ?? "", key: key ?? "", ca: ca ?? "" };
  for (const [name, text] of Object.entries(material)) {
    // OpenSSL takes a text without any PEM for no authority at all, and refuses everybody.
    if (!text.includes("-----BEGIN ")) throw new Error(`${files[name as keyof TlsFiles]} is not a PEM file`);
  }
  createSecureContext(material);
  return material;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
