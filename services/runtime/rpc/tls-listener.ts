import type { Server as NetServer, ServerOpts, Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import type { Logger } from "../telemetry/logger.ts";
import type { TlsIdentity } from "../tls/identity.ts";
import { secureOptions } from "../tls/options.ts";
import { peerNameOf } from "../tls/peer-name.ts";

/** Makes a port TLS on which only known peers are served. */
export interface ServerTls {
  readonly identity: TlsIdentity;
  /** Names of the callers that are served (`tls/peer-name.ts`). */
  readonly peers: readonly string[];
}

interface ListenerOptions extends ServerOpts {
  readonly tls: ServerTls;
  /** From a connection's start to the end of its handshake (milliseconds). */
  readonly handshakeTimeoutMs: number;
  /** Aborted when nobody new is served. */
  readonly shutdown: AbortSignal;
  readonly log: Logger;
}

/** Refused connections are told at most this often (milliseconds): anybody can make them, and a log is not free. */
const logEveryMs = 1_000;

/**
 * A listener that hands on the connections of peers whose certificate an authority of ours signed and whose name is on the
 * list. ALPN has then told the protocol: `h2`, `http/1.1`, or false where the client named none.
 */
export function createTlsListener(options: ListenerOptions, welcome: (socket: TLSSocket) => void): NetServer {
  const { tls, handshakeTimeoutMs, shutdown, log, ...tcp } = options;
  const { identity, peers } = tls;
  const handshakes = new Handshakes(handshakeTimeoutMs);
  const server = createServer({
    ...tcp,
    ...secureOptions(identity),
    ALPNProtocols: ["h2", "http/1.1"],
    requestCert: true,
    // Node would close the connections of the others without a word; we look at `authorized` and say why.
    rejectUnauthorized: false,
    // Node's own limit starts again with every byte.
    handshakeTimeout: handshakeTimeoutMs,
  });
  const unsubscribe = identity.onChange(() => server.setSecureContext(secureOptions(identity)));
  const tell = refusalLog(log);

  server.on("connection", (socket) => handshakes.begin(socket));
  server.on("tlsClientError", (error, socket) => {
    // Browsers, port scanners, slow clients, clients of another authority: nothing of this process fails.
    tell({ reason: error.message, from: socket.remoteAddress });
    socket.destroy();
  });
  server.on("secureConnection", (socket) => {
    handshakes.end(socket);
    const reason = refusalOf(socket, peers);
    if (reason === undefined) return welcome(socket);
    tell({ reason, from: socket.remoteAddress });
    socket.on("error", ignore).destroy();
  });
  server.on("close", unsubscribe);
  shutdown.addEventListener("abort", () => handshakes.close());
  return server;
}

/** Why this caller is not served; undefined when it is. */
function refusalOf(socket: TLSSocket, peers: readonly string[]): string | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return "no client certificate";
  if (!socket.authorized) return `the client's certificate is not valid: ${String(socket.authorizationError)}`;
  const name = peerNameOf(certificate.subjectAltName);
  if (name === undefined) return "the client's certificate is for nobody of the mesh";
  return peers.includes(name) ? undefined : `${name} is none of TLS_PEERS`;
}

/**
 * Connections before the end of their handshake. Node tells of the raw socket when it begins and of the secure one when it
 * ends; both have the same address.
 */
class Handshakes {
  readonly #timeoutMs: number;
  readonly #running = new Map<string, { readonly socket: Socket; readonly timer: NodeJS.Timeout }>();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  begin(socket: Socket): void {
    const key = addressOf(socket);
    const timer = setTimeout(() => socket.destroy(), this.#timeoutMs);
    this.#running.set(key, { socket, timer });
    socket.on("error", ignore).on("close", () => {
      if (this.#running.get(key)?.socket === socket) this.#forget(key);
    });
  }

  end(socket: Socket): void {
    this.#forget(addressOf(socket));
  }

  close(): void {
    for (const { socket } of this.#running.values()) socket.destroy();
  }

  #forget(key: string): void {
    clearTimeout(this.#running.get(key)?.timer);
    this.#running.delete(key);
  }
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function refusalLog(log: Logger): (what: { reason: string; from: string | undefined }) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  let untold = 0;
  return (what) => {
    const now = performance.now();
    if (now - toldAt < logEveryMs) {
      untold += 1;
      return;
    }
    log.warn({ ...what, ...(untold > 0 && { untold }) }, "connection refused");
    toldAt = now;
    untold = 0;
  };
}

function ignore(): void {}
