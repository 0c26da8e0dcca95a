import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";

/** PEM texts. */
export interface ServerCertificate {
  readonly cert: string | Uint8Array;
  readonly key: string | Uint8Array;
  /** Authorities that clients' certificates must come from. */
  readonly ca: string | Uint8Array;
}

export interface ListenOptions {
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly routes: (router: ConnectRouter) => void;
  /** Mutual TLS; without it the port is plain HTTP/2. */
  readonly tls?: ServerCertificate & {
    /** Whether a client with these names (subject alternative names, such as "URI:spiffe://mesh/envoy") may connect. */
    readonly isAllowed: (names: readonly string[]) => boolean;
  };
}

export interface ListeningServer {
  readonly port: number;
  /** For new connections; those that are open keep theirs. */
  setCertificate(certificate: ServerCertificate): void;
  /** Closes the port and every connection; end the streams before. */
  close(): Promise<void>;
}

/** Room for a client that comes back and tells of a hundred thousand resources. */
const readMaxBytes = 32 << 20;

/** Serves gRPC over HTTP/2 and nothing else. Rejects when the port cannot be had. */
export async function listen(options: ListenOptions): Promise<ListeningServer> {
  const { host = "127.0.0.1", port, routes, tls } = options;
  const handler = connectNodeAdapter({ routes, grpcWeb: false, connect: false, readMaxBytes });
  const settings = { settings: { maxConcurrentStreams: 100 }, maxSessionMemory: 64 };
  const secure = tls && createSecureServer({ ...settings, ...clientAuthentication(tls) }, handler);
  const server: Http2Server | Http2SecureServer = secure ?? createServer(settings, handler);
  const sessions = new Set<ServerHttp2Session>();
  // A client that has vanished without a word is found out.
  server.on("connection", (socket: Socket) => socket.setKeepAlive(true, 30_000));
  server.on("session", (session) => {
    session.on("error", () => session.destroy());
    if (tls !== undefined && !tls.isAllowed(namesOf(session.socket as TLSSocket))) {
      session.destroy();
      return;
    }
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    setCertificate: (certificate) => secure?.setSecureContext(clientAuthentication(certificate)),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      // Lets the streams' last frames out.
      for (const session of sessions) session.close();
      const timer = setTimeout(() => {
        for (const session of sessions) session.destroy();
      }, 250);
      await closed;
      clearTimeout(timer);
    },
  };
}

function clientAuthentication({ cert, key, ca }: ServerCertificate) {
  const text = (pem: string | Uint8Array) => (typeof pem === "string" ? pem : Buffer.from(pem));
  return {
    cert: text(cert),
    key: text(key),
    ca: text(ca),
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: "TLSv1.2",
    allowHTTP1: false,
    handshakeTimeout: 10_000,
  } as const;
}

function namesOf(socket: TLSSocket): readonly string[] {
  return socket.getPeerCertificate().subjectaltname?.split(", ") ?? [];
}
