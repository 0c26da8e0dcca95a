import { setTimeout as sleep } from "node:timers/promises";
import { create, type DescMethodUnary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Principal } from "../auth/principal.ts";
import { principalTokenHeader } from "../auth/service-token.ts";
import { fail } from "../errors/fail.ts";
import { formatTraceparent } from "../telemetry/trace-context.ts";
import type { Caller, CallOptions, CallReply } from "./caller.ts";
import { watchCaller } from "./caller-watch.ts";
import { type ConnectClientOptions, createConnectClient, type OutgoingRequest } from "./connect-client.ts";
import { idempotencyKeyHeader } from "./interceptors/idempotency.ts";

export interface ConnectCallerOptions extends ConnectClientOptions {
  /** Makes the token (`auth/service-token.ts`) that tells the service for whom a call is; without it, its credentials do. */
  readonly principalToken?: (principal: Principal) => string | undefined;
  /** Deadline of a call that names none (milliseconds). Default 30 s. */
  readonly defaultTimeoutMs?: number;
  /** Tries of a call that may be repeated, the first one included. Default 3. */
  readonly attempts?: number;
  /** Longest pause before the second try (milliseconds); doubles from try to try. Default 50. */
  readonly backoffMs?: number;
}

export interface ConnectCaller extends Caller {
  /** Lets running calls finish, then closes the connections. */
  close(): Promise<void>;
}

/** Node runs a longer timer at once, and Connect's timeout header takes ten digits. */
const longestTimeoutMs = 2 ** 31 - 1;

/**
 * Calls the services of another process over Connect. Deadline, trace and the given headers travel along. UNAVAILABLE is
 * tried again where that is safe: the method has no side effects or is idempotent, the call has an Idempotency-Key, or
 * nothing was sent yet.
 */
export function connectCaller(options: ConnectCallerOptions): ConnectCaller {
  const { defaultTimeoutMs = 30_000, attempts = 3, backoffMs = 50, principalToken } = options;
  const client = createConnectClient(options);

  async function callUntilDone<M extends DescMethodUnary>(method: M, request: OutgoingRequest): Promise<CallReply<M>> {
    const repeatable =
      method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN ||
      request.header.has(idempotencyKeyHeader);
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await client.exchange(method, request);
      if (!("error" in outcome)) return outcome;
      const may = outcome.retry === "always" || (outcome.retry === "repeatable" && repeatable);
      const pauseMs = Math.max(outcome.pauseMs, Math.random() * backoffMs * 2 ** (attempt - 1));
      if (!may || attempt >= attempts || Date.now() + pauseMs >= request.deadline) throw outcome.error;
      await sleep(pauseMs, undefined, { signal: request.signal }).catch(() => request.signal.throwIfAborted());
    }
  }

  return {
    async unary<M extends DescMethodUnary>(
      method: M,
      request: MessageInitShape<M["input"]>,
      { header, deadline: asked, signal, principal, trace }: CallOptions = {},
    ): Promise<CallReply<M>> {
      const now = Date.now();
      const deadline = Math.min(asked ?? now + defaultTimeoutMs, now + longestTimeoutMs);
      const body = toBinary(method.input, create(method.input, request));
      const outgoing = new Headers(typeof header === "function" ? header() : header);
      if (principal !== undefined && principalToken !== undefined) vouchFor(principal, principalToken, outgoing);
      if (trace !== undefined) outgoing.set("traceparent", formatTraceparent(trace));

      const abort = new AbortController();
      const cancel = () => abort.abort(fail("CANCELLED"));
      const expire = () => abort.abort(fail("DEADLINE_EXCEEDED"));
      const timer = setTimeout(expire, Math.max(0, deadline - now));
      const unwatch = watchCaller(signal, cancel);
      try {
        abort.signal.throwIfAborted();
        if (deadline <= now) throw fail("DEADLINE_EXCEEDED");
        return await callUntilDone(method, { header: outgoing, body, deadline, signal: abort.signal });
      } finally {
        clearTimeout(timer);
        unwatch();
      }
    },
    close: () => client.close(),
  };
}

/** The caller's own credentials stay here: a surface takes some that no service knows. */
function vouchFor(
  principal: Principal,
  principalToken: (principal: Principal) => string | undefined,
  header: Headers,
): void {
  for (const name of ["authorization", "x-api-key", principalTokenHeader]) header.delete(name);
  const token = principalToken(principal);
  if (token !== undefined) header.set(principalTokenHeader, token);
}
