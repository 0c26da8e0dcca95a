import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** Where everything is below the mesh's data directory. */
export interface Layout {
  readonly root: string;
  readonly certs: string;
  readonly secrets: string;
  readonly logs: string;
  readonly database: string;
  readonly nats: string;
  readonly envoy: string;
  readonly state: string;
  /** Of the control server: a Unix socket, on Windows a named pipe. */
  readonly socket: string;
  /** Of Envoy's administration: a Unix socket. */
  readonly adminSocket: string;
}

/** The repository. */
export const repository = resolve(import.meta.dirname, "../..");

/** Longest path of a Unix socket, less its final zero (macOS; Linux takes four bytes more). */
const longestSocketPath = 103;

export function layoutOf(directory: string): Layout {
  const root = resolve(directory);
  return {
    root,
    certs: join(root, "certs"),
    secrets: join(root, "secrets"),
    logs: join(root, "logs"),
    database: join(root, "database"),
    nats: join(root, "nats"),
    envoy: join(root, "envoy"),
    state: join(root, "state.json"),
    socket: socketPath(root, "control"),
    adminSocket: socketPath(root, "admin"),
  };
}

export function logFile(layout: Layout, instance: string): string {
  return join(layout.logs, `${instance}.log`);
}

function socketPath(root: string, purpose: string): string {
  const name = `ordermesh-${createHash("sha256").update(root).digest("hex").slice(0, 16)}-${purpose}`;
  if (process.platform === "win32") return `\\\\.\\pipe\\${name}`;
  const path = join(root, `${purpose}.sock`);
  return Buffer.byteLength(path) <= longestSocketPath ? path : join(tmpdir(), `${name}.sock`);
}
