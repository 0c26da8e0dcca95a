import { create, type Message } from "@bufbuild/protobuf";
import type { Caller } from "@ordermesh/runtime/rpc/caller.ts";
import { idempotentReplayedHeader } from "@ordermesh/runtime/rpc/interceptors/idempotency.ts";
import type { Logger } from "@ordermesh/runtime/telemetry/logger.ts";
import { ForwardedHeader } from "./forwarded-header.ts";
import { type CallSetting, HandlerContext } from "./handler-context.ts";
import type { RestRequest } from "./rest-request.ts";
import type { Route } from "./route.ts";

/** Reply headers of a service that reach the client; a surface's own handlers may set any. */
const replyHeaders = [idempotentReplayedHeader, "retry-after", "etag", "location", "cache-control"];

export interface RouteReply {
  readonly message: Message;
  readonly headers: Readonly<Record<string, string>>;
}

const none: Readonly<Record<string, string>> = {};

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
  const headerReader = new ForwardedHeader(request);
  const header = headerReader.all;
  if (handler === undefined) {
    const { principal, watch, deadline, trace } = setting;
    const options = { header, headerReader, signal: watch, principal, deadline, trace };
    const reply = await caller.unary(method, message, options);
    return { message: reply.message, headers: reply.header === undefined ? none : replyHeadersOf(reply.header) };
  }
  const context = new HandlerContext(method, setting, header, log);
  const reply = create(method.output, await handler(message, context));
  const { madeResponseHeader } = context;
  return { message: reply, headers: madeResponseHeader === undefined ? none : Object.fromEntries(madeResponseHeader) };
}

function replyHeadersOf(header: Headers): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of replyHeaders) {
    const value = header.get(name);
    if (value !== null) headers[name] = value;
  }
  return headers;
}
