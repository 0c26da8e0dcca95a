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
  if (error instanceof ConnectError && !mayWrapForeignText(error)) return error;
  const errorId = randomUUID();
  log.error({ err: error, errorId }, "internal error");
  return fail("INTERNAL", { message: `internal error (${errorId})`, metadata: { errorId }, cause: error });
}

function mayWrapForeignText(error: ConnectError): boolean {
  return (error.code === Code.Internal || error.code === Code.Unknown) && reasonOf(error) === undefined;
}
