import { Code, ConnectError } from "@connectrpc/connect";
import { anonymous } from "@ordermesh/runtime/auth/principal.ts";
import { reasonOf } from "@ordermesh/runtime/errors/inspect.ts";
import type { CallContext } from "@ordermesh/runtime/rpc/call-context.ts";
import type { Registry, StreamEndpoint, UnaryEndpoint } from "@ordermesh/runtime/rpc/registry.ts";
import { createServer } from "@ordermesh/runtime/rpc/server.ts";
import { registryOf } from "@ordermesh/runtime/rpc/testing/echo.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";
import { Descriptors } from "./descriptors.ts";
import { type ConformanceContext, createHandlers } from "./handlers.ts";
import type { ServerRequest } from "./protocol.ts";

/** Our server and registry, with no policy but the suite's own. Resolves to the port. */
export async function serveOurs(file: string, { messageBytes }: ServerRequest): Promise<number> {
  const descriptors = Descriptors.asServed(file);
  const { unary, idempotentUnary, serverStream, bidiStream } = createHandlers(descriptors);
  const handlers = {
    unary: adapted(unary),
    idempotentUnary: adapted(idempotentUnary),
    serverStream: adapted(serverStream),
    bidiStream: adapted(bidiStream),
    unimplemented: async () => {
      throw new ConnectError("unimplemented", Code.Unimplemented);
    },
  };
  const log = createLogger({ service: "conformance", level: "fatal", destination: process.stderr });
  const registry = await registryOf([{ service: descriptors.service, handlers }], {
    log,
    authenticate: async () => anonymous,
    // The suite wants to be told the caller's timeout, and none where there is none.
    defaultTimeoutMs: Number.POSITIVE_INFINITY,
    maximumTimeoutMs: Number.POSITIVE_INFINITY,
  });
  const server = createServer({
    registry: withBareErrors(registry),
    fallback: (_, response) => void response.writeHead(404).end(),
    log,
    limits: { messageBytes },
  });
  return (await server.listen({ host: "127.0.0.1", port: 0 })).port;
}

function adapted<Request, Result>(handler: (request: Request, context: ConformanceContext) => Result) {
  return (request: Request, context: CallContext): Result => handler(request, contextOf(context));
}

function contextOf({ requestHeader, responseHeader, responseTrailer, deadline }: CallContext): ConformanceContext {
  if (responseTrailer === undefined) throw new Error("every RPC transport has trailers");
  const timeoutMs = () => (deadline === undefined || deadline === Infinity ? undefined : deadline - Date.now());
  return { requestHeader, responseHeader, responseTrailer, timeoutMs };
}

/**
 * Errors as the suite knows them. Our registry gives every error of its own an ErrorInfo, a detail that the suite does not
 * expect, and what comes from elsewhere it hides behind an INTERNAL with an id.
 */
function withBareErrors({ services, endpoints }: Registry): Registry {
  const bare = [...endpoints].map(([path, endpoint]) => [path, withBareError(endpoint)] as const);
  return { services, endpoints: new Map(bare) };
}

function withBareError(endpoint: UnaryEndpoint | StreamEndpoint): UnaryEndpoint | StreamEndpoint {
  if (endpoint.kind === "unary") {
    return { ...endpoint, invoke: (request, call) => endpoint.invoke(request, call).catch(rethrowBare) };
  }
  return {
    ...endpoint,
    async *open(input, call) {
      try {
        yield* endpoint.open(input, call);
      } catch (error) {
        rethrowBare(error);
      }
    },
  };
}

function rethrowBare(error: unknown): never {
  if (!(error instanceof ConnectError) || reasonOf(error) === undefined) throw error;
  throw error.cause instanceof ConnectError ? error.cause : new ConnectError(error.rawMessage, error.code);
}
