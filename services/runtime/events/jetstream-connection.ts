import { type ConnectionOptions, connect, type NatsConnection, type TlsOptions } from "nats";
import type { Logger } from "../telemetry/logger.ts";
import type { TlsFiles } from "../tls/identity.ts";

/** Between two attempts to reach a server (milliseconds). */
const retryMs = 250;

export interface NatsOptions {
  /** One or more servers, separated by commas; credentials as `nats://user:password@host:4222`; `tls://` for TLS. */
  readonly natsUrl: string;
  readonly log: Logger;
  /** For `tls://`: our certificate, and who vouches for the server's. Read anew for every connection. */
  readonly tls?: TlsFiles;
  /** What the connection is for, shown in the server's list of connections. */
  readonly name?: string;
  /** How long the first connection is waited for (milliseconds). */
  readonly waitMs: number;
}

/**
 * Connects and stays connected: a lost server is looked for until it is back, whatever it refused meanwhile. Waits for
 * the first connection at most `waitMs`, then throws with the address and the last reason.
 */
export async function connectNats({ natsUrl, log, tls, name, waitMs }: NatsOptions): Promise<NatsConnection> {
  const { servers, isTls, ...credentials } = parseUrl(natsUrl);
  const options: ConnectionOptions = {
    ...credentials,
    servers,
    tls: isTls ? tlsOptions(tls) : undefined,
    name: `ordermesh-${process.pid}${name === undefined ? "" : `-${name}`}`,
    maxReconnectAttempts: -1,
    // Otherwise two refusals end the connection for good, as while an operator rotates credentials.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: retryMs,
    reconnectJitter: retryMs,
    // A server that hangs is given up after three unanswered pings.
    pingInterval: 5000,
    timeout: Math.min(5000, waitMs),
    noAsyncTraces: true,
  };
  const until = Date.now() + waitMs;
  for (let waiting = false; ; ) {
    try {
      return await connect(options);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (Date.now() + retryMs >= until) throw new Error(`NATS at ${servers.join(", ")} cannot be reached: ${reason}`);
      if (!waiting) log.warn({ servers, reason }, "waiting for NATS");
      waiting = true;
    }
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}

/** Tells the connection's changes until it is closed. */
export async function watchConnection(
  nc: NatsConnection,
  log: Logger,
  on: { disconnect(): void; reconnect(): void },
): Promise<void> {
  for await (const status of nc.status()) {
    if (status.type === "disconnect") {
      log.warn({ server: status.data }, "connection to NATS lost");
      on.disconnect();
    } else if (status.type === "reconnect") {
      log.info({ server: status.data }, "connection to NATS is back");
      on.reconnect();
    } else if (status.type === "error") {
      log.error({ error: status.data, permission: status.permissionContext }, "NATS reports an error");
    }
  }
}

function tlsOptions(files: TlsFiles | undefined): TlsOptions {
  return files === undefined ? {} : { certFile: files.cert, keyFile: files.key, caFile: files.ca };
}

interface ServerList {
  readonly servers: string[];
  readonly isTls: boolean;
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
}

/** `nats://user:password@host:4222,nats://host2`: the first credentials count for all, and so does one `tls://`. */
function parseUrl(natsUrl: string): ServerList {
  const urls = natsUrl
    .split(",")
    .map((url) => new URL(url.trim().includes("://") ? url.trim() : `nats://${url.trim()}`));
  const servers = urls.map((url) => `${url.hostname}:${url.port === "" ? 4222 : url.port}`);
  const isTls = urls.some((url) => url.protocol === "tls:");
  const owner = urls.find((url) => url.username !== "");
  if (owner === undefined) return { servers, isTls };
  const user = decodeURIComponent(owner.username);
  if (owner.password === "") return { servers, isTls, token: user };
  return { servers, isTls, user, pass: decodeURIComponent(owner.password) };
}
