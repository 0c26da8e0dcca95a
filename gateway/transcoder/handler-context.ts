import type { DescMethod } from "@bufbuild/protobuf";
import type { Principal } from "@ordermesh/runtime/auth/principal.ts";
import type { CallContext } from "@ordermesh/runtime/rpc/call-context.ts";
import type { WatchCaller } from "@ordermesh/runtime/rpc/caller-watch.ts";
import type { Logger } from "@ordermesh/runtime/telemetry/logger.ts";
import type { TraceContext } from "@ordermesh/runtime/telemetry/trace-context.ts";

/** What a call needs beside its message. */
export interface CallSetting {
  readonly principal: Principal;
  readonly watch: WatchCaller;
  /** Epoch milliseconds; undefined: the caller set no timeout, the method's own counts. */
  readonly deadline: number | undefined;
  readonly trace: TraceContext;
}

/** The context of a surface's own handler. Headers and signal are made when first asked for. */
export class HandlerContext implements CallContext {
  readonly method: DescMethod;
  readonly transport = "rest";
  readonly principal: Principal;
  readonly deadline: number | undefined;
  readonly trace: TraceContext;
  readonly log: Logger;
  readonly idempotency = undefined;
  /** What `signal` is made of, for calls that go on from here. */
  readonly watch: WatchCaller;
  readonly #makeRequestHeader: () => Headers;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #signal: AbortSignal | undefined;

  constructor(
    method: DescMethod,
    { principal, watch, deadline, trace }: CallSetting,
    header: () => Headers,
    log: Logger,
  ) {
    this.method = method;
    this.principal = principal;
    this.watch = watch;
    this.deadline = deadline;
    this.trace = trace;
    this.log = log;
    this.#makeRequestHeader = header;
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= this.#makeRequestHeader();
    return this.#requestHeader;
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers();
    return this.#responseHeader;
  }

  /** The response headers, if the handler has asked for them. */
  get madeResponseHeader(): Headers | undefined {
    return this.#responseHeader;
  }

  get signal(): AbortSignal {
    this.#signal ??= signalOf(this.watch);
    return this.#signal;
  }
}

function signalOf(watch: WatchCaller): AbortSignal {
  const controller = new AbortController();
  watch((reason) => controller.abort(reason));
  return controller.signal;
}
