import type { CallContext } from "@ordermesh/runtime/rpc/call-context.ts";
import type { Caller, CallOptions } from "@ordermesh/runtime/rpc/caller.ts";
import { idempotentReplayedHeader } from "@ordermesh/runtime/rpc/interceptors/idempotency.ts";

/**
 * What a surface's handler calls native methods through: every call goes on with the handler's own, and its reply says
 * `idempotent-replayed` when one of them does.
 */
export function relay(caller: Caller, context: CallContext): Caller {
  const { requestHeader: header, signal, deadline, principal, trace } = context;
  const own: CallOptions = { header, signal, deadline, principal, trace };
  return {
    async unary(method, request, options) {
      const reply = await caller.unary(method, request, { ...own, ...options });
      const replayed = reply.header.get(idempotentReplayedHeader);
      if (replayed !== null) context.responseHeader.set(idempotentReplayedHeader, replayed);
      return reply;
    },
  };
}
