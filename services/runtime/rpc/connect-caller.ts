import { create, type DescMethodUnary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Principal } from "../auth/principal.ts";
import { principalTokenHeader } from "../auth/service-token.ts";
import { fail } from "../errors/fail.ts";
import { formatTraceparent } from "../telemetry/trace-context.ts";
import { CallEnd } from "./call-end.ts";
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

  async function callUntilDone<M extends DescMethodUnary>(
    method: M,
    request: OutgoingRequest,
    repeatable: boolean,
  ): Promise<CallReply<M>> {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await client.exchange(method, request);
      if (!("error" in outcome)) return outcome;
      const may = outcome.retry === "always" || (outcome.retry === "repeatable" && repeatable);
      const pauseMs = Math.max(outcome.pauseMs, Math.random() * backoffMs * 2 ** (attempt - 1));
      if (!may || attempt >= attempts || Date.now() + pauseMs >= request.deadline) throw outcome.error;
      await request.end.pause(pauseMs);
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
      const given = typeof header === "function" ? header() : header;
      const vouched = principal !== undefined && principalToken !== undefined;
      const outgoing = metadataOf(given, vouched, trace !== undefined);
      const token = vouched ? principalToken(principal) : undefined;
      if (token !== undefined) outgoing.push(principalTokenHeader, token);
      if (trace !== undefined) outgoing.push(traceHeader, formatTraceparent(trace));
      const repeatable =
        method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN ||
        given?.has(idempotencyKeyHeader) === true;

      const end = new CallEnd();
      const timer = setTimeout(() => end.end(fail("DEADLINE_EXCEEDED")), Math.max(0, deadline - now));
      const unwatch = watchCaller(signal, () => end.end(fail("CANCELLED")));
      try {
        end.throwIfEnded();
        if (deadline <= now) throw fail("DEADLINE_EXCEEDED");
        return await callUntilDone(method, { header: outgoing, body, deadline, end }, repeatable);
      } finally {
        clearTimeout(timer);
        unwatch();
      }
    },
    close: () => client.close(),
  };
}

const traceHeader = "traceparent";
const credentials: ReadonlySet<string> = new Set(["authorization", "x-api-key", principalTokenHeader]);

/**
 * The caller's headers that travel on. `vouched`: we say for whom the call is, and the caller's own credentials stay here: a
 * surface takes some that no service knows. `traced`: the call has a trace of its own.
 */
function metadataOf(header: Headers | undefined, vouched: boolean, traced: boolean): string[] {
  const metadata: string[] = [];
  for (const [name, value] of header ?? []) {
    if ((vouched && credentials.has(name)) || (traced && name === traceHeader)) continue;
    metadata.push(name, value);
  }
  return metadata;
}
