import type { CallContext } from "@ordermesh/runtime/rpc/call-context.ts";
import type { Caller, CallOptions } from "@ordermesh/runtime/rpc/caller.ts";
import { type WatchCaller, watchCaller } from "@ordermesh/runtime/rpc/caller-watch.ts";
import { idempotentReplayedHeader } from "@ordermesh/runtime/rpc/interceptors/idempotency.ts";

/** A handler's context; `watch` tells the same as `signal`, where its maker has it for less. */
export type RelayedContext = CallContext & { readonly watch?: WatchCaller };

/**
 * What a surface's handler calls native methods through: every call goes on with the handler's own, and its reply says
 * `idempotent-replayed` when one of them does.
 */
export function relay(caller: Caller, context: RelayedContext): Caller {
  const { deadline, principal, trace } = context;
  const header = () => context.requestHeader;
  const signal = context.watch ?? ((leave) => watchCaller(context.signal, leave));
  const own: CallOptions = { header, signal, deadline, principal, trace };
  return {
    async unary(method, request, options) {
      const reply = await caller.unary(method, request, options === undefined ? own : { ...own, ...options });
      const replayed = reply.header?.get(idempotentReplayedHeader) ?? null;
      if (replayed !== null) context.responseHeader.set(idempotentReplayedHeader, replayed);
      return reply;
    },
  };
}
