import type { DescMethod } from "@bufbuild/protobuf";
import type { Principal } from "../auth/principal.ts";
import type { IdempotencyClaim } from "../store/idempotency.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { TraceContext } from "../telemetry/trace-context.ts";

/** How the request reached this process. */
export type Transport = "connect" | "grpc" | "grpc-web" | "rest" | "local";

/**
 * Everything a handler may know of its call besides the message. One object per call, made by the transport and
 * completed by the interceptors; handlers only read it and set response headers.
 */
export interface CallContext {
  readonly method: DescMethod;
  readonly transport: Transport;
  /** Set by the auth interceptor; anonymous before it. */
  principal: Principal;
  /** Aborted when the caller goes away or the deadline passes. */
  readonly signal: AbortSignal;
  /** Epoch milliseconds, or undefined when the caller set none and the server has no default. */
  readonly deadline: number | undefined;
  readonly requestHeader: Headers;
  readonly responseHeader: Headers;
  /** Metadata after the reply; undefined where the transport has no place for it (REST, calls inside a process). */
  readonly responseTrailer?: Headers;
  readonly trace: TraceContext;
  readonly log: Logger;
  /** Set by the idempotency interceptor when the caller sent an Idempotency-Key. Hand it to `Database.transact`. */
  idempotency: IdempotencyClaim | undefined;
}
