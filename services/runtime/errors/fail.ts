import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "@ordermesh/proto/google/rpc/error_details_pb";
import type { ErrorDefinition } from "./define.ts";
import { httpStatusOfCode } from "./http-status.ts";
import { type RuntimeReason, runtimeErrors } from "./runtime-errors.ts";

/** `google.rpc.ErrorInfo.domain` of every error made here. */
export const errorDomain = "ordermesh";

/** Key of ErrorInfo.metadata for an HTTP status other than the code's: a gateway in another process needs it. */
export const httpStatusKey = "httpStatus";

/** When a retryable failure names no delay (milliseconds). */
const defaultRetryDelayMs = 1000;

/** A field (proto path, `a.b[2].c`) and what is wrong with it. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

export interface FailOptions {
  /** Replaces the definition's text; the caller reads it, so nothing internal belongs in it. */
  readonly message?: string;
  /** For programs: goes into ErrorInfo. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Goes into BadRequest. */
  readonly violations?: readonly FieldViolation[];
  /** Goes into RetryInfo; milliseconds. */
  readonly retryAfterMs?: number;
  /** For the log only; never leaves the process. */
  readonly cause?: unknown;
}

/** Makes (does not throw) the error for a reason of the runtime or a definition of a service's own table. */
export function fail(error: RuntimeReason | ErrorDefinition, options: FailOptions = {}): ConnectError {
  const definition = typeof error === "string" ? runtimeErrors[error] : error;
  const metadata: Record<string, string> = { ...options.metadata };
  if (definition.http !== httpStatusOfCode(definition.code)) metadata[httpStatusKey] = String(definition.http);
  const details: Detail[] = [detail(ErrorInfoSchema, { reason: definition.reason, domain: errorDomain, metadata })];
  if (options.violations !== undefined && options.violations.length > 0) {
    details.push(detail(BadRequestSchema, { fieldViolations: [...options.violations] }));
  }
  const retryAfterMs = options.retryAfterMs ?? (definition.retryable ? defaultRetryDelayMs : undefined);
  if (retryAfterMs !== undefined) details.push(detail(RetryInfoSchema, { retryDelay: duration(retryAfterMs) }));
  // Half a surrogate pair, quoted from bad input, would make the error impossible to send.
  const message = (options.message ?? definition.text).toWellFormed();
  return new ConnectError(message, definition.code, undefined, details, options.cause);
}

interface Detail {
  readonly desc: DescMessage;
  readonly value: MessageInitShape<DescMessage>;
}

function detail<D extends DescMessage>(desc: D, value: MessageInitShape<D>): Detail {
  return { desc, value: value as MessageInitShape<DescMessage> };
}

function duration(ms: number): { seconds: bigint; nanos: number } {
  const whole = Math.max(0, Math.round(ms));
  return { seconds: BigInt(Math.floor(whole / 1000)), nanos: (whole % 1000) * 1_000_000 };
}
