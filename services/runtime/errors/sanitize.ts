import { randomUUID } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Logger } from "../telemetry/logger.ts";
import { fail } from "./fail.ts";
import { reasonOf } from "./inspect.ts";

/**
 * What of a failure may leave the process. Errors made by `fail` pass; anything else (a driver's error, a bug, what
 * `ConnectError.from` wraps) becomes INTERNAL with an id that stands in the reply and in the log, and with no other
 * word of it.
 */
export function sanitize(error: unknown, log: Pick<Logger, "error">): ConnectError {
  if (mayLeave(error)) return error;
  const errorId = randomUUID();
  log.error({ err: error, errorId }, "internal error");
  return fail("INTERNAL", { message: `internal error (${errorId})`, metadata: { errorId }, cause: error });
}

/** An error of our own table, or one whose code says that it was made to be read; `unknown` and `internal` are not. */
export function mayLeave(error: unknown): error is ConnectError {
  if (!(error instanceof ConnectError)) return false;
  return (error.code !== Code.Internal && error.code !== Code.Unknown) || reasonOf(error) !== undefined;
}
