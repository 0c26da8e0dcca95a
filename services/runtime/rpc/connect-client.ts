import { type DescMethodUnary, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { codeFromHttpStatus, errorFromJsonBytes } from "@connectrpc/connect/protocol-connect";
import { buildConnector, Pool } from "undici";
import { fail } from "../errors/fail.ts";
import { reasonOf, retryAfterMsOf } from "../errors/inspect.ts";
import { type ClientTls, clientOptions } from "../tls/options.ts";
import { type BreakerOptions, CircuitBreaker } from "./breaker.ts";
import type { CallEnd } from "./call-end.ts";
import type { CallReply } from "./caller.ts";
import { exchangeHttp, type HttpReply } from "./http-exchange.ts";
import { pathOf } from "./registry.ts";

export interface ConnectClientOptions {
  /** Origin of the server: `http://order:8080`. */
  readonly baseUrl: string;
  /** Connections kept to it. Default 64. */
  readonly connections?: number;
  /** Largest reply taken. Default 4 MiB. */
  readonly replyBytes?: number;
  readonly breaker?: BreakerOptions;
  /** For `https://`; without it the system's authorities vouch for the server, and we are nobody. */
  readonly tls?: ClientTls;
}

export interface OutgoingRequest {
  /** Names (lower case) and values in turn. */
  readonly header: readonly string[];
  readonly body: Uint8Array;
  /** Epoch milliseconds. */
  readonly deadline: number;
  /** Ends it early. */
  readonly end: CallEnd;
}

/** A try that brought no reply. */
export interface Failure {
  readonly error: ConnectError;
  /** Whether another try may help and is safe; `repeatable`: only for calls that may run twice. */
  readonly retry: "never" | "repeatable" | "always";
  /** What the server asked to wait (milliseconds). */
  readonly pauseMs: number;
}

export interface ConnectClient {
  /** One try. Rejects only with the error of `end`. */
  exchange<M extends DescMethodUnary>(method: M, request: OutgoingRequest): Promise<CallReply<M> | Failure>;
  close(): Promise<void>;
}

/** Set by the protocol or by undici; a gateway may hand over all headers of a request, these among them. */
const ownHeaders: ReadonlySet<string> = new Set([
  ...["accept-encoding", "connect-protocol-version", "connect-timeout-ms", "connection", "content-encoding"],
  ...[
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
  ],
]);

const connectTimeoutMs = 5_000;

/** Where TLS negotiates, undici would take HTTP/2. */
const allowH2 = false;

/** Connects with the certificates of that moment. */
function tlsConnector(tls: ClientTls): buildConnector.connector {
  // A resumed session would not show the server's certificate of today.
  const own = { allowH2, timeout: connectTimeoutMs, maxCachedSessions: 0 };
  const make = () => buildConnector({ ...clientOptions(tls), ...own });
  let connector = make();
  tls.identity.onChange(() => {
    connector = make();
  });
  return (options, callback) => connector(options, callback);
}

/** The connection never came about: the server has seen nothing of the call. */
const unsentCodes: ReadonlySet<unknown> = new Set([
  ...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"],
]);

/**
 * Connect's unary protocol, binary, over HTTP/1.1 keep-alive: on Node that costs a fraction of HTTP/2, and there are no
 * sessions whose GOAWAY or PING could fail outside of a call.
 */
export function createConnectClient(options: ConnectClientOptions): ConnectClient {
  const breaker = new CircuitBreaker(options.breaker);
  const pool = new Pool(options.baseUrl, {
    connections: options.connections ?? 64,
    connectTimeout: connectTimeoutMs,
    allowH2,
    ...(options.tls && { connect: tlsConnector(options.tls) }),
    // A call's own deadline ends it.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: options.replyBytes ?? 4 * 1024 * 1024,
  });

  return {
    async exchange<M extends DescMethodUnary>(method: M, request: OutgoingRequest) {
      const waitMs = breaker.admit();
      if (waitMs > 0)
        return { error: fail("SERVICE_UNAVAILABLE", { retryAfterMs: waitMs }), retry: "never", pauseMs: 0 };
      try {
        const { body } = request;
        const reply = await exchangeHttp(
          pool,
          { path: pathOf(method), headers: requestHeaders(request), body },
          request.end,
        );
        breaker.succeed();
        return reply.status === 200 ? replyOf(method, reply) : refusalOf(reply);
      } catch (error) {
        return unanswered(error, request.end);
      }
    },
    close: () => pool.close(),
  };

  function unanswered(error: unknown, end: CallEnd): Failure {
    if (end.error !== undefined) {
      // Says nothing of the server: the caller may just have been impatient. A probe must not stay open, though.
      breaker.release();
      throw end.error;
    }
    const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "UND_ERR_RES_EXCEEDED_MAX_SIZE") {
      breaker.succeed();
      return refused(fail("INTERNAL", { message: "the service's reply is too large", cause: error }));
    }
    breaker.fail();
    const retry = unsentCodes.has(code) ? "always" : "repeatable";
    return { error: fail("SERVICE_UNAVAILABLE", { cause: error }), retry, pauseMs: 0 };
  }
}

function requestHeaders({ header, deadline }: OutgoingRequest): string[] {
  const timeoutMs = Math.max(1, Math.floor(deadline - Date.now()));
  const headers = ["content-type", "application/proto", "connect-protocol-version", "1"];
  headers.push("connect-timeout-ms", String(timeoutMs));
  for (let i = 0; i + 1 < header.length; i += 2) {
    const [name = "", value = ""] = [header[i], header[i + 1]];
    if (!ownHeaders.has(name)) headers.push(name, value);
  }
  return headers;
}

function replyOf<M extends DescMethodUnary>(method: M, { headers, body }: HttpReply): CallReply<M> | Failure {
  if (headers["content-type"] !== "application/proto") {
    return refused(fail("INTERNAL", { message: "the service answered with something else than a reply" }));
  }
  try {
    return { message: fromBinary(method.output, body) as MessageShape<M["output"]>, header: headersOf(headers) };
  } catch (cause) {
    return refused(fail("INTERNAL", { message: "the service's reply cannot be decoded", cause }));
  }
}

function headersOf(headers: HttpReply["headers"]): Headers {
  const result = new Headers();
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || ownHeaders.has(name)) continue;
    if (typeof value === "string") result.append(name, value);
    else for (const each of value) result.append(name, each);
  }
  return result;
}

function refusalOf({ status, body }: HttpReply): Failure {
  const error = errorOf(status, body);
  if (error.code !== Code.Unavailable) return refused(error);
  const pauseMs = retryAfterMsOf(error) ?? 0;
  // Without a reason it is a proxy's on the way, whose words tell of its upstreams and never when to come back.
  const own = reasonOf(error) !== undefined ? error : fail("SERVICE_UNAVAILABLE", { cause: error });
  return { error: own, retry: "repeatable", pauseMs };
}

function refused(error: ConnectError): Failure {
  return { error, retry: "never", pauseMs: 0 };
}

/** The server's error as one of this process: details stay, headers of the other connection do not. */
function errorOf(status: number, body: Uint8Array): ConnectError {
  const fallback = new ConnectError(`the service answered HTTP ${status}`, codeFromHttpStatus(status));
  let wire: ConnectError;
  try {
    wire = errorFromJsonBytes(body, undefined, fallback);
  } catch {
    wire = fallback;
  }
  const error = new ConnectError(wire.rawMessage, wire.code);
  error.details = wire.details;
  return error;
}
