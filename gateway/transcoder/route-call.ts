import { create, type Message } from "@bufbuild/protobuf";
import type { Principal } from "@ordermesh/runtime/auth/principal.ts";
import type { Caller } from "@ordermesh/runtime/rpc/caller.ts";
import { idempotencyKeyHeader, idempotentReplayedHeader } from "@ordermesh/runtime/rpc/interceptors/idempotency.ts";
import type { Logger } from "@ordermesh/runtime/telemetry/logger.ts";
import type { TraceContext } from "@ordermesh/runtime/telemetry/trace-context.ts";
import type { RestRequest } from "./rest-request.ts";
import type { Route } from "./route.ts";

/** Request headers that reach the service, beside the request's id. */
const requestHeaders = ["authorization", "x-api-key", idempotencyKeyHeader, "tracestate", "prefer", "accept-language"];

/** Reply headers of a service that reach the client; a surface's own handlers may set any. */
const replyHeaders = [idempotentReplayedHeader, "retry-after", "etag", "location", "cache-control"];

/** What a call needs beside its message. */
export interface CallSetting {
  readonly principal: Principal;
  readonly signal: AbortSignal;
  /** Epoch milliseconds; undefined: the caller set no timeout, the method's own counts. */
  readonly deadline: number | undefined;
  readonly trace: TraceContext;
}

export interface RouteReply {
  readonly message: Message;
  readonly headers: Record<string, string>;
}

/** Calls what a route leads to: the surface's handler, or the method itself through the Caller. */
export async function callRoute(
  route: Route,
  message: Message,
  request: RestRequest,
  setting: CallSetting,
  caller: Caller,
  log: Logger,
): Promise<RouteReply> {
  const { method, handler } = route;
  const requestHeader = forwarded(request);
  if (handler === undefined) {
    const reply = await caller.unary(method, message, { header: requestHeader, ...setting });
    return { message: reply.message, headers: replyHeadersOf(reply.header) };
  }
  const responseHeader = new Headers();
  const context = { ...setting, method, requestHeader, responseHeader, log, idempotency: undefined };
  const reply = await handler(message, { ...context, transport: "rest" });
  return { message: create(method.output, reply), headers: Object.fromEntries(responseHeader) };
}

function forwarded(request: RestRequest): Headers {
  const header = new Headers({ "x-request-id": request.id });
  for (const name of requestHeaders) {
    const value = request.headers[name];
    if (typeof value === "string") header.set(name, value);
  }
  return header;
}

function replyHeadersOf(header: Headers): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of replyHeaders) {
    const value = header.get(name);
    if (value !== null) headers[name] = value;
  }
  return headers;
}
