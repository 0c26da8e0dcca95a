import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { HeaderReader } from "../auth/authenticator.ts";
import { anonymous, type Principal } from "../auth/principal.ts";
import { fail } from "../errors/fail.ts";
import { reasonOf } from "../errors/inspect.ts";
import type { IdempotencyClaim } from "../store/idempotency.ts";
import type { Logger } from "../telemetry/logger.ts";
import { childTrace, type TraceContext, type TraceHints } from "../telemetry/trace-context.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { CallContext, Transport } from "./call-context.ts";
import { type WatchCaller, watchCaller } from "./caller-watch.ts";

export interface CallOrigin {
  readonly transport: Transport;
  /** A function where making the object costs something: most calls never look. */
  readonly requestHeader: Headers | (() => Headers);
  /** Reads single request headers without making them all, where the transport can. */
  readonly headerReader?: HeaderReader;
  /** The transport's own response headers; without them the call makes some when a handler asks. */
  readonly responseHeader?: Headers;
  /** Where the transport has trailers: its own. */
  readonly responseTrailer?: Headers;
  /** Aborted when the caller goes away. */
  readonly signal?: AbortSignal | WatchCaller;
  /** What the caller asked for; epoch milliseconds. */
  readonly deadline?: number;
  /** In-process callers only: who calls, already established. */
  readonly principal?: Principal;
  /** The caller's trace; without it the request's `traceparent` counts. */
  readonly trace?: TraceContext;
}

/** The CallContext of one running call. What costs something (headers, signal, logger) is made when first asked for. */
export class Call implements CallContext {
  readonly method: DescMethod;
  readonly deadline: number | undefined;
  principal: Principal = anonymous;
  idempotency: IdempotencyClaim | undefined;

  readonly #origin: CallOrigin;
  readonly #parentLog: Logger;
  readonly #tracing: Pick<Tracing, "begin">;
  #trace: TraceContext | undefined;
  #log: Logger | undefined;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #controller: AbortController | undefined;
  #interruption: ConnectError | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reject: ((reason: ConnectError) => void) | undefined;
  #unwatch: (() => void) | undefined;

  constructor(
    method: DescMethod,
    origin: CallOrigin,
    deadline: number | undefined,
    log: Logger,
    tracing: Pick<Tracing, "begin">,
  ) {
    this.method = method;
    this.deadline = deadline;
    this.#origin = origin;
    this.#parentLog = log;
    this.#responseHeader = origin.responseHeader;
    this.#tracing = tracing;
  }

  get transport(): Transport {
    return this.#origin.transport;
  }

  get trace(): TraceContext {
    if (this.#trace === undefined) {
      const caller = this.#origin.trace;
      this.#trace = caller === undefined ? this.#tracing.begin(this.#traceHints()) : childTrace(caller);
    }
    return this.#trace;
  }

  #traceHints(): TraceHints {
    const traceparent = this.headers.get("traceparent");
    return { traceparent, requestId: traceparent === null ? this.headers.get("x-request-id") : undefined };
  }

  /** The principal that came with the call, if its maker established one. */
  get established(): Principal | undefined {
    return this.#origin.principal;
  }

  get requestHeader(): Headers {
    if (this.#requestHeader === undefined) {
      const { requestHeader } = this.#origin;
      this.#requestHeader = typeof requestHeader === "function" ? requestHeader() : requestHeader;
    }
    return this.#requestHeader;
  }

  /** Reads single request headers; cheaper than `requestHeader` where the transport can. */
  get headers(): HeaderReader {
    return this.#origin.headerReader ?? this.requestHeader;
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers();
    return this.#responseHeader;
  }

  /** The response headers, if anybody has asked for them yet. */
  get madeResponseHeader(): Headers | undefined {
    return this.#responseHeader;
  }

  get responseTrailer(): Headers | undefined {
    return this.#origin.responseTrailer;
  }

  get log(): Logger {
    const { method, trace } = this;
    this.#log ??= this.#parentLog.child({ rpc: `${method.parent.typeName}/${method.name}`, traceId: trace.traceId });
    return this.#log;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#interruption !== undefined) this.#controller.abort(this.#interruption);
    }
    return this.#controller.signal;
  }

  /** Starts to watch the caller and the clock. */
  begin(): void {
    const { signal } = this.#origin;
    if (signal !== undefined) this.#unwatch = watchCaller(signal, (reason) => this.interrupt(interruptionOf(reason)));
    if (this.deadline === undefined) return;
    const remainingMs = this.deadline - Date.now();
    if (remainingMs <= 0) this.interrupt(fail("DEADLINE_EXCEEDED"));
    // A longer delay would overflow Node's timer and fire at once.
    else if (remainingMs < 2 ** 31) this.#timer = setTimeout(timeIsUp, remainingMs, this);
  }

  /** Stops watching. */
  end(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#unwatch?.();
  }

  /** Ends the call before its handler does: `signal` aborts, what `race` waits for is given up. The first one counts. */
  interrupt(reason: ConnectError): void {
    if (this.#interruption !== undefined) return;
    this.#interruption = reason;
    this.#controller?.abort(reason);
    this.#reject?.(reason);
  }

  /** What `work` gives, or the interruption if that comes first. One race at a time. */
  race<T>(work: () => Promise<T>): Promise<T> {
    if (this.#interruption !== undefined) return Promise.reject(this.#interruption);
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      work().then(resolve, reject);
    });
  }
}

function timeIsUp(call: Call): void {
  call.interrupt(fail("DEADLINE_EXCEEDED"));
}

/** An abort with an error of ours (a shutdown) keeps it; otherwise the deadline passed or the caller hung up. */
function interruptionOf(reason: unknown): ConnectError {
  if (!(reason instanceof ConnectError)) return fail("CANCELLED");
  if (reasonOf(reason) !== undefined) return reason;
  return fail(reason.code === Code.DeadlineExceeded ? "DEADLINE_EXCEEDED" : "CANCELLED");
}
