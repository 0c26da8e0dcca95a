import type { DescMethodUnary, DescService, Message } from "@bufbuild/protobuf";
import type { CallContext } from "./call-context.ts";
import type { Caller } from "./caller.ts";
import { idempotencyKeyHeader, idempotentReplayedHeader } from "./interceptors/idempotency.ts";
import type { ServiceBinding } from "./service.ts";

/** Metadata that is the service's business; the rest is this connection's own. */
const requestHeaders = ["authorization", "x-api-key", idempotencyKeyHeader, "tracestate", "x-request-id"];
const replyHeaders = [idempotentReplayedHeader, "retry-after"];

/**
 * A service of another process, to be served here: every unary call goes on to it with its credentials, deadline, trace and
 * Idempotency-Key, and its refusals come back as they are. Throws for a service that streams.
 */
export function forwardTo(service: DescService, caller: Caller): ServiceBinding {
  const handlers: Record<string, (request: Message, context: CallContext) => Promise<Message>> = {};
  for (const method of service.methods) {
    if (method.methodKind !== "unary") throw new Error(`${service.typeName}/${method.name} is no unary method`);
    handlers[method.localName] = forwarder(method as DescMethodUnary, caller);
  }
  return { service, handlers };
}

function forwarder(method: DescMethodUnary, caller: Caller) {
  return async (request: Message, context: CallContext): Promise<Message> => {
    const header = copy(context.requestHeader, new Headers(), requestHeaders);
    const { signal, deadline, principal, trace } = context;
    const options = { header, signal, principal, trace, ...(deadline && { deadline }) };
    const reply = await caller.unary(method, request, options);
    if (reply.header !== undefined) copy(reply.header, context.responseHeader, replyHeaders);
    return reply.message;
  };
}

function copy(from: Headers, to: Headers, names: readonly string[]): Headers {
  for (const name of names) {
    const value = from.get(name);
    if (value !== null) to.set(name, value);
  }
  return to;
}
