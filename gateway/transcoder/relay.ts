import type { CallContext } from "@ordermesh/runtime/rpc/call-context.ts";
import type { Caller, CallOptions } from "@ordermesh/runtime/rpc/caller.ts";

/** Header of a reply that an idempotency key brought back. */
export const replayedHeader = "idempotent-replayed";

/** Options of a call that goes on with `context`'s principal, deadline, cancellation, trace and idempotency key. */
export function callOptionsOf(context: CallContext): CallOptions {
  return {
    header: context.requestHeader,
    signal: context.signal,
    deadline: context.deadline,
    principal: context.principal,
  };
}

/**
 * What a surface's handler calls native methods through: every call goes on with the handler's own, and its reply says
 * `idempotent-replayed` when one of them does.
 */
export function relay(caller: Caller, context: CallContext): Caller {
  const ownOptions = callOptionsOf(context);
  return {
    async unary(method, request, options) {
      const reply = await caller.unary(method, request, { ...ownOptions, ...options });
      const replayed = reply.header.get(replayedHeader);
      if (replayed !== null) context.responseHeader.set(replayedHeader, replayed);
      return reply;
    },
  };
}
