import type { ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  type ErrorInfo,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "@ordermesh/proto/google/rpc/error_details_pb";
import { errorDomain, type FieldViolation, httpStatusKey } from "./fail.ts";
import { httpStatusOfCode } from "./http-status.ts";

/** The reason that `fail` put in, here or in another process; undefined for a foreign error. */
export function reasonOf(error: ConnectError): string | undefined {
  return errorInfo(error)?.reason;
}

/** What `fail` was given as metadata; empty for a foreign error. */
export function metadataOf(error: ConnectError): Readonly<Record<string, string>> {
  return errorInfo(error)?.metadata ?? {};
}

/** Fields that are wrong and why; empty when the error names none. */
export function violationsOf(error: ConnectError): readonly FieldViolation[] {
  return error.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
}

/** How long to wait before the same request may succeed (milliseconds); undefined: it will not. */
export function retryAfterMsOf(error: ConnectError): number | undefined {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return delay === undefined ? undefined : Number(delay.seconds) * 1000 + Math.ceil(delay.nanos / 1_000_000);
}

/** The definition's HTTP status, else the code's; always an error status (400 to 599). */
export function httpStatusOf(error: ConnectError): number {
  const own = Number(metadataOf(error)[httpStatusKey]);
  return Number.isInteger(own) && own >= 400 && own <= 599 ? own : httpStatusOfCode(error.code);
}

function errorInfo(error: ConnectError): ErrorInfo | undefined {
  return error.findDetails(ErrorInfoSchema).find((info) => info.domain === errorDomain);
}
