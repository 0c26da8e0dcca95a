import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { createRegistry as createTypeRegistry } from "@bufbuild/protobuf";
import { createConnectRouter, type HandlerContext, type MethodImpl } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { fail } from "../errors/fail.ts";
import { errorDetailRegistry } from "../errors/status-json.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { CallOrigin } from "./call.ts";
import type { Transport } from "./call-context.ts";
import { createLane } from "./lane/lane.ts";
import { serveOnLane } from "./lane/node-lane.ts";
import { compressions } from "./lane/reply.ts";
import { dialectOf, refuse } from "./refusal.ts";
import type { Registry, StreamEndpoint, UnaryEndpoint } from "./registry.ts";
import type { RequestHead } from "./request-head.ts";
import { shortenTimeout } from "./shorten-timeout.ts";

/** Serves one method over Connect, gRPC and gRPC-Web. */
export interface RpcRoute {
  /** The client may go on sending as long as it likes. */
  readonly endless: boolean;
  serve(head: RequestHead, response: ServerResponse): void;
}

export interface RpcRouteOptions {
  readonly messageBytes: number;
  /** Aborted, with the error to give, when open streams must end. */
  readonly shutdown: AbortSignal;
  readonly log: Logger;
}

/** Routes by request path, `/package.Service/Method`. */
export function createRpcRoutes(registry: Registry, options: RpcRouteOptions): ReadonlyMap<string, RpcRoute> {
  const { messageBytes, log } = options;
  const types = createTypeRegistry(errorDetailRegistry, ...registry.services.map((service) => service.file));
  const router = createConnectRouter({
    readMaxBytes: messageBytes,
    acceptCompression: [...compressions],
    jsonOptions: { registry: types },
  });
  for (const endpoint of registry.endpoints.values()) {
    // Unary calls in flight are let finish.
    const shutdownSignal = endpoint.kind === "stream" ? options.shutdown : undefined;
    router.rpc(endpoint.method, implementationOf(endpoint), { shutdownSignal });
  }
  const routes = new Map<string, RpcRoute>();
  for (const handler of router.handlers) {
    const endpoint = registry.endpoints.get(handler.requestPath);
    const lane = endpoint?.kind === "unary" ? createLane(endpoint, { types, messageBytes, log }) : undefined;
    routes.set(handler.requestPath, {
      endless: handler.method.methodKind === "bidi_streaming",
      serve(head, response) {
        if (lane !== undefined && isOnHttp1(head) && serveOnLane(lane, head, response, log)) return;
        void serve(handler, head.request, response, log);
      },
    });
  }
  return routes;
}

/** Where the host is part of no URL the universal handler refuses the request; over HTTP/2 it serves everything. */
function isOnHttp1({ request }: RequestHead): boolean {
  return request.httpVersionMajor === 1 && isHost(request.headers.host);
}

let knownHost: string | undefined;

function isHost(host: string | undefined): boolean {
  if (host === undefined) return false;
  // Nearly all requests name the same.
  if (host !== knownHost && URL.canParse(`http://${host}`)) knownHost = host;
  return host === knownHost;
}

function implementationOf(endpoint: UnaryEndpoint | StreamEndpoint): MethodImpl<never> {
  const implementation =
    endpoint.kind === "unary"
      ? (request: Parameters<UnaryEndpoint["invoke"]>[0], context: HandlerContext) =>
          endpoint.invoke(request, endpoint.start(originOf(context)))
      : (input: Parameters<StreamEndpoint["open"]>[0], context: HandlerContext) =>
          endpoint.open(input, endpoint.start(originOf(context)));
  return implementation as MethodImpl<never>;
}

function originOf(context: HandlerContext): CallOrigin {
  const { requestHeader, responseHeader, responseTrailer, signal } = context;
  const timeoutMs = context.timeoutMs();
  const deadline = timeoutMs === undefined ? undefined : Date.now() + timeoutMs;
  return {
    transport: context.protocolName as Transport,
    requestHeader,
    responseHeader,
    responseTrailer,
    signal,
    deadline,
  };
}

async function serve(
  handler: UniversalHandler,
  request: IncomingMessage,
  response: ServerResponse,
  log: Logger,
): Promise<void> {
  let universalRequest: ReturnType<typeof universalRequestFromNodeRequest>;
  try {
    universalRequest = universalRequestFromNodeRequest(request, response, undefined, undefined);
    shortenTimeout(universalRequest.header);
    universalRequest = { ...universalRequest, body: drained(request, response) };
  } catch {
    // It throws where the request names no host, or one that is no part of a URL.
    refuse(response, dialectOf(request), fail("VALIDATION", { message: "the request has no valid Host" }));
    return;
  }
  try {
    await universalResponseToNodeResponse(await handler(universalRequest), response);
  } catch (error) {
    // As a rule the client went away half-way; a defect in a protocol handler ends here, too.
    log.debug({ err: error, path: handler.requestPath }, "reply not delivered");
    response.destroy();
  }
}

/**
 * The body of a request. A handler stops reading where a message is too large; what it leaves would block an HTTP/1.1
 * connection for ever, and over HTTP/2 a client that goes on writing, so it is read away once the reply is out.
 */
function drained(request: IncomingMessage, response: ServerResponse): AsyncIterable<Uint8Array> {
  // The compatibility API of HTTP/2 tells only when the stream has closed.
  const written = request.httpVersionMajor === 2 ? (request as unknown as Http2ServerRequest).stream : response;
  written.once("finish", () => request.resume());
  return { [Symbol.asyncIterator]: () => request.iterator({ destroyOnReturn: false }) };
}
