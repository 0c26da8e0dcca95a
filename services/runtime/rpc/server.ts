import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, createServer as createNetServer, isIPv6, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { ConnectError } from "@connectrpc/connect";
import type { GuardedRequest } from "../auth/browser-guard.ts";
import { fail } from "../errors/fail.ts";
import { toStartupError } from "../lifecycle/startup-error.ts";
import type { Logger } from "../telemetry/logger.ts";
import { Http2Sessions } from "./http2-sessions.ts";
import { defaultLimits, type ServerLimits } from "./limits.ts";
import { dialectOf, refuse } from "./refusal.ts";
import type { Registry } from "./registry.ts";
import { RequestHead } from "./request-head.ts";
import { createRpcRoutes, type RpcRoute } from "./rpc-routes.ts";
import { RunningRequests } from "./running-requests.ts";
import { type HttpVersion, sniff } from "./sniff.ts";
import { createTlsListener, type ServerTls } from "./tls-listener.ts";

export interface ServerOptions {
  /** Served as Connect, gRPC and gRPC-Web; absent where a port belongs to one REST surface alone. */
  readonly registry?: Registry;
  /** Gets every request that is no RPC, over HTTP/1.1 and HTTP/2 alike; `headers.host` is set for both. */
  readonly fallback: (request: IncomingMessage, response: ServerResponse) => void;
  /** Looks at every request first; what it returns is the answer. */
  readonly guard?: (request: GuardedRequest) => ConnectError | undefined;
  /** The port speaks TLS, with peers alone. */
  readonly tls?: ServerTls;
  readonly log: Logger;
  readonly limits?: Partial<ServerLimits>;
}

export interface Listening {
  readonly url: string;
  readonly port: number;
}

/** One port for REST, Connect, gRPC-Web (HTTP/1.1 and HTTP/2) and gRPC (HTTP/2; without TLS by prior knowledge). */
export interface Server {
  /** Port 0 takes a free one. Throws StartupError when the port cannot be had. */
  listen(address: { readonly host: string; readonly port: number }): Promise<Listening>;
  /**
   * Takes no new connection, tells clients to go (GOAWAY, `Connection: close`), ends streams with SHUTTING_DOWN, lets other
   * requests finish, and after `timeoutMs` closes what is left. True when nothing was cut off.
   */
  close(timeoutMs: number): Promise<boolean>;
}

export function createServer(options: ServerOptions): Server {
  const { registry, fallback, guard, tls, log } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const shutdown = new AbortController();
  const routes: ReadonlyMap<string, RpcRoute> =
    registry === undefined
      ? new Map()
      : createRpcRoutes(registry, { messageBytes: limits.messageBytes, shutdown: shutdown.signal, log });
  const sockets = new Set<Socket>();
  /** Those of them that have not told their protocol yet. */
  const silent = new Set<Socket>();
  const running = new RunningRequests(limits.requestTimeoutMs);
  const sessions = new Http2Sessions(limits.idleTimeoutMs);
  let sweeper: NodeJS.Timeout | undefined;

  const http1 = createHttp1Server(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.idleTimeoutMs,
      connectionsCheckingInterval: limits.sweepMs,
    },
    (request, response) => {
      if (shutdown.signal.aborted) response.shouldKeepAlive = false;
      dispatch(request, response);
    },
  );
  // It is fed sockets and never listens; this event starts its checks of the timeouts above.
  http1.emit("listening");

  const http2 = createHttp2Server({
    settings: {
      maxConcurrentStreams: limits.streams,
      maxHeaderListSize: limits.headerBytes,
      initialWindowSize: 1 << 18,
    },
    // Megabytes that a connection may keep in the process before new streams are refused.
    maxSessionMemory: 32,
    // The size in the settings binds a client only once it has acknowledged them; this binds it from the start.
    maxHeaderListPairs: 100,
    // Rapid reset (CVE-2023-44487): so many streams may be reset at once, and so many a second after that, before the
    // connection goes. Node's 33 a second would cut off an honest client whose calls time out while we are slow.
    streamResetBurst: 2_000,
    streamResetRate: 200,
  });
  http2.on("request", (request, response) => {
    request.headers.host ??= request.authority;
    // The compatibility classes are no subclasses of http's; what requests and replies need of them is the same.
    dispatch(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  });
  http2.on("session", (session) => {
    session.setLocalWindowSize(1 << 22);
    sessions.add(session);
    if (shutdown.signal.aborted) session.close();
  });

  const tcp = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 };
  const net =
    tls === undefined
      ? createNetServer(tcp, welcome)
      : createTlsListener(
          { ...tcp, tls, handshakeTimeoutMs: limits.headersTimeoutMs, shutdown: shutdown.signal, log },
          welcome,
        );
  net.maxConnections = limits.connections;

  function welcome(socket: Socket | TLSSocket): void {
    sockets.add(socket);
    silent.add(socket);
    socket.on("close", () => {
      sockets.delete(socket);
      silent.delete(socket);
    });
    // A reset while nobody reads is no event worth a process.
    socket.on("error", ignore);
    // With TLS, too: whoever only shook hands has not begun anything.
    sniff(socket, limits.headersTimeoutMs, handOn);
  }

  function handOn(socket: Socket | TLSSocket, version: HttpVersion): void {
    silent.delete(socket);
    // Prior knowledge over TLS, as Envoy's health checks have it: node:http2 takes it only where ALPN said so.
    if (version === "h2" && "alpnProtocol" in socket && socket.alpnProtocol === false) socket.alpnProtocol = "h2";
    (version === "h2" ? http2 : http1).emit("connection", socket);
  }

  function dispatch(request: IncomingMessage, response: ServerResponse): void {
    request.on("error", ignore);
    response.on("error", ignore).on("close", closed);
    const head = new RequestHead(request);
    const route = routes.get(head.path);
    running.add(request, response, route?.endless ?? false);
    try {
      const refusal = guard?.(head);
      if (refusal !== undefined)
        refuse(response, route === undefined ? dialectOf(request) : rpcDialectOf(request), refusal);
      else if (route !== undefined) route.serve(head, response);
      else if (dialectOf(request) !== "rest") refuse(response, dialectOf(request), fail("METHOD_NOT_FOUND"));
      else fallback(request, response);
    } catch (error) {
      log.error({ err: error, path: head.path }, "request handler failed");
      if (response.headersSent) response.destroy();
      else refuse(response, dialectOf(request), fail("INTERNAL"));
    }
  }

  function closed(this: ServerResponse): void {
    running.delete(this);
    // Node tells when a connection is idle only after its response has closed.
    if (shutdown.signal.aborted) setImmediate(() => http1.closeIdleConnections());
  }

  return {
    async listen({ host, port }) {
      await new Promise<void>((resolve, reject) => {
        net.once("error", reject);
        net.listen({ host, port }, () => {
          net.off("error", reject);
          resolve();
        });
      }).catch((error: unknown) => {
        throw toStartupError(error, `listen on ${authority(host, port)}`) ?? error;
      });
      net.on("error", (error) => log.error({ err: error }, "accepting connections failed"));
      sweeper = setInterval(() => {
        running.sweep();
        sessions.sweep();
      }, limits.sweepMs).unref();
      const listening = net.address() as AddressInfo;
      const scheme = tls === undefined ? "http" : "https";
      return { url: `${scheme}://${authority(host, listening.port)}`, port: listening.port };
    },

    async close(timeoutMs) {
      const closed = new Promise<void>((resolve) => net.close(() => resolve()));
      shutdown.abort(fail("SHUTTING_DOWN"));
      running.lastOnTheirConnections();
      sessions.close();
      http1.closeIdleConnections();
      for (const socket of silent) socket.destroy();
      let clean = true;
      const cutOff = setTimeout(() => {
        clean = sockets.size === 0;
        for (const socket of sockets) socket.destroy();
      }, timeoutMs);
      await closed;
      clearTimeout(cutOff);
      clearInterval(sweeper);
      http1.close();
      return clean;
    },
  };
}

/** At the path of a method JSON is Connect's. */
function rpcDialectOf(request: IncomingMessage) {
  const dialect = dialectOf(request);
  return dialect === "rest" ? "connect" : dialect;
}

function authority(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

function ignore(): void {}
