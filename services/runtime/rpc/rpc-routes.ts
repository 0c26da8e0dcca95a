import type { IncomingMessage, ServerResponse } from "node:http";
import { createRegistry as createTypeRegistry } from "@bufbuild/protobuf";
import { createConnectRouter, type HandlerContext, type MethodImpl } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import { fail } from "../errors/fail.ts";
import { errorDetailRegistry } from "../errors/status-json.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { CallOrigin } from "./call.ts";
import type { Transport } from "./call-context.ts";
import { dialectOf, refuse } from "./refusal.ts";
import type { Registry, StreamEndpoint, UnaryEndpoint } from "./registry.ts";

/** Serves one method over Connect, gRPC and gRPC-Web. */
export interface RpcRoute {
  /** The client may go on sending as long as it likes. */
  readonly endless: boolean;
  serve(request: IncomingMessage, response: ServerResponse): void;
}

export interface RpcRouteOptions {
  readonly messageBytes: number;
  /** Aborted, with the error to give, when open streams must end. */
  readonly shutdown: AbortSignal;
  readonly log: Logger;
}

/** Routes by request path, `/package.Service/Method`. */
export function createRpcRoutes(registry: Registry, options: RpcRouteOptions): ReadonlyMap<string, RpcRoute> {
  const router = createConnectRouter({
    readMaxBytes: options.messageBytes,
    acceptCompression: [compressionGzip, compressionBrotli],
    jsonOptions: {
      registry: createTypeRegistry(errorDetailRegistry, ...registry.services.map((service) => service.file)),
    },
  });
  for (const endpoint of registry.endpoints.values()) {
    // Unary calls in flight are let finish.
    const shutdownSignal = endpoint.kind === "stream" ? options.shutdown : undefined;
    router.rpc(endpoint.method, implementationOf(endpoint), { shutdownSignal });
  }
  const routes = new Map<string, RpcRoute>();
  for (const handler of router.handlers) {
    routes.set(handler.requestPath, {
      endless: handler.method.methodKind === "bidi_streaming",
      serve: (request, response) => void serve(handler, request, response, options.log),
    });
  }
  return routes;
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
    if (request.httpVersionMajor === 1) universalRequest = { ...universalRequest, body: drained(request, response) };
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
 * The body of an HTTP/1.1 request. A handler stops reading where it is too large; what it leaves would block the
 * connection for ever, so it is read away once the reply is out.
 */
function drained(request: IncomingMessage, response: ServerResponse): AsyncIterable<Uint8Array> {
  response.once("finish", () => request.resume());
  return { [Symbol.asyncIterator]: () => request.iterator({ destroyOnReturn: false }) };
}
