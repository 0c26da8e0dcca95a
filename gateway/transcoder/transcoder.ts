import { performance } from "node:perf_hooks";
import type { Registry } from "@bufbuild/protobuf";
import { mayLeave, sanitize } from "@ordermesh/runtime/errors/sanitize.ts";
import type { Logger } from "@ordermesh/runtime/telemetry/logger.ts";
import { incomingTrace, type TraceContext } from "@ordermesh/runtime/telemetry/trace-context.ts";
import type { Tracing } from "@ordermesh/runtime/telemetry/tracing.ts";
import { ClientGone, type HttpRequest } from "./body.ts";
import { watchClient } from "./client-watch.ts";
import { compileRoutes } from "./compiled-route.ts";
import { corsHeaders } from "./cors.ts";
import type { HttpResponse } from "./http-response.ts";
import { RequestProblem } from "./problem.ts";
import { redirectReply } from "./redirect.ts";
import type { Reply } from "./reply.ts";
import { NodeRestRequest, type RestRequest, splitTarget } from "./rest-request.ts";
import type { Route } from "./route.ts";
import { createRouteTable } from "./route-table.ts";
import { createRouter, type Resolution } from "./router.ts";
import { type ServeOptions, serveRoute } from "./serve-route.ts";
import type { Surface } from "./surface.ts";
import { type TrustedProxies, trustedProxies } from "./trusted-proxies.ts";

export interface TranscoderOptions extends Omit<ServeOptions, "maxBodyBytes"> {
  /** The first answers paths that no surface's prefixes cover. */
  readonly surfaces: readonly Surface[];
  /** The one surface has a port of its own: its own-port paths are served, and every path is its. */
  readonly alone?: boolean;
  /** Default 1 MiB. */
  readonly maxBodyBytes?: number;
  /** Default: peers with a certificate alone. */
  readonly proxies?: TrustedProxies;
  /** Resolves what google.protobuf.Any holds. */
  readonly registry?: Registry;
  /** Default: `incomingTrace`, and nobody samples new traces. */
  readonly tracing?: Pick<Tracing, "begin">;
  /** Told of every request when it is over. */
  readonly observe?: (exchange: Exchange) => void;
}

/** A request that is over. */
export interface Exchange {
  readonly surface: string;
  readonly httpMethod: string;
  /** Undefined: no route. */
  readonly route: Route | undefined;
  /** 499: the client went away. */
  readonly status: number;
  readonly durationMs: number;
}

export interface Transcoder {
  /** Every route that is served, for documentation. */
  readonly routes: readonly Route[];
  /** Answers a request of node:http or of node:http2's compatibility API. Never rejects. */
  handle(request: HttpRequest, response: HttpResponse): Promise<void>;
}

/** A request on its way to its reply. */
interface Incoming {
  readonly resolution: Resolution;
  readonly request: RestRequest;
  readonly incoming: HttpRequest;
  readonly response: HttpResponse;
  readonly trace: TraceContext;
}

const defaultMaxBodyBytes = 1_048_576;
const clientClosedRequest = 499;
const plainTracing: Pick<Tracing, "begin"> = { begin: incomingTrace };

/**
 * REST over RPC methods by their google.api.http annotations, compiled here, once. Throws RouteTableError with all
 * that is wrong with the annotations.
 */
export function createTranscoder(options: TranscoderOptions): Transcoder {
  const {
    surfaces,
    alone = false,
    log,
    registry,
    tracing = plainTracing,
    observe,
    proxies = trustedProxies(),
  } = options;
  if (surfaces.length === 0 || (alone && surfaces.length !== 1)) throw new Error("a port needs surfaces, one if alone");
  const table = createRouteTable(surfaces, { alone });
  const router = createRouter(table, surfaces);
  const compiled = compileRoutes(table.routes, registry);
  const serving: ServeOptions = { ...options, maxBodyBytes: options.maxBodyBytes ?? defaultMaxBodyBytes };

  return { routes: table.routes, handle };

  async function handle(incoming: HttpRequest, response: HttpResponse): Promise<void> {
    const startedAt = performance.now();
    const target = splitTarget(incoming.url ?? "/");
    const resolution = router.resolve(incoming.method ?? "GET", target.path);
    const { traceparent, "x-request-id": requestId } = incoming.headers;
    const trace = tracing.begin({ traceparent: [traceparent].flat()[0], requestId: [requestId].flat()[0] });
    const { traceId } = trace;
    const request = new NodeRestRequest(incoming, { target, surface: resolution.surface.name, traceId, proxies });
    const exchange = { resolution, request, incoming, response, trace };
    let reply: Reply | undefined;
    try {
      reply = await answer(exchange);
    } catch (error) {
      // Nobody is left to answer when the client is gone.
      if (!(error instanceof ClientGone)) reply = render(error, exchange);
    }
    const status = reply !== undefined && trySend(reply, exchange) ? reply.status : clientClosedRequest;
    observe?.({
      surface: request.surface,
      httpMethod: request.method,
      route: resolution.kind === "route" ? resolution.entry.route : undefined,
      status,
      durationMs: performance.now() - startedAt,
    });
  }

  function answer({ resolution, request, incoming, response, trace }: Incoming): Reply | Promise<Reply> {
    switch (resolution.kind) {
      case "route": {
        const { entry, path } = resolution;
        const route = compiled.get(entry.route);
        if (route === undefined) throw new Error(`${entry.route.method} is not compiled`);
        const watch = watchClient(response);
        return serveRoute({ compiled: route, path, shift: entry.shift, request, incoming, trace, watch }, serving);
      }
      case "redirect":
        return redirectReply(resolution, request);
      case "options":
        return { status: 204, headers: resolution.allow && { allow: resolution.allow.join(", ") } };
      case "method-not-allowed":
        throw new RequestProblem({ kind: "method-not-allowed", allow: resolution.allow });
      case "not-found":
        throw new RequestProblem({ kind: "not-found" });
    }
  }

  function render(error: unknown, { resolution: { surface }, request }: Incoming): Reply {
    try {
      if (error instanceof RequestProblem) return surface.renderProblem(error.problem, request);
      return surface.renderError(mayLeave(error) ? error : sanitize(error, logOf(request)), request);
    } catch (failure) {
      logOf(request).error({ err: failure, surface: surface.name }, "a surface cannot render an error");
      return { status: 500 };
    }
  }

  /** What is logged of a request joins its reply, and tells whose it was. */
  function logOf({ id, clientAddress }: RestRequest): Logger {
    return log.child({ requestId: id, clientAddress });
  }

  /** A reply that node refuses (a header with a line break) is a bug: the client sees the connection close. */
  function trySend(reply: Reply, exchange: Incoming): boolean {
    try {
      return send(reply, exchange);
    } catch (error) {
      logOf(exchange.request).error({ err: error, surface: exchange.request.surface }, "a reply cannot be written");
      exchange.response.destroy();
      return false;
    }
  }
}

/** False: the client is gone. */
function send(reply: Reply, { resolution, request, incoming, response }: Incoming): boolean {
  const { surface, cors } = resolution;
  if (response.destroyed || response.headersSent) return false;
  const headers: Record<string, string | number> = {
    ...surface.headers,
    ...(cors === undefined ? undefined : corsHeaders(cors, request.headers.origin)),
    ...reply.headers,
    "x-request-id": request.id,
  };
  const { body = "", status } = reply;
  const length = Buffer.byteLength(body);
  if (status !== 204 && status !== 304) headers["content-length"] = length;
  // Of a body that is too large nobody reads the rest.
  if (status === 413 && incoming.httpVersionMajor === 1 && !incoming.complete) headers.connection = "close";
  response.writeHead(status, headers);
  if (request.method === "HEAD") response.end();
  else if (typeof body !== "string") response.end(body);
  // A text of ASCII alone has the same bytes in both, and Node writes latin1 without looking at them again.
  else response.end(body, length === body.length ? "latin1" : "utf8");
  return true;
}
