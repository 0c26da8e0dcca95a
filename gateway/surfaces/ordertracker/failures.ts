import { randomUUID } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import { metadataOf, reasonOf } from "@ordermesh/runtime/errors/inspect.ts";
import { sanitize } from "@ordermesh/runtime/errors/sanitize.ts";
import type { CallContext } from "@ordermesh/runtime/rpc/call-context.ts";

/** Refusals of the caller rather than of the task: their HTTP status stands, old clients never meet them. */
const callerCodes: ReadonlySet<Code> = new Set([Code.Unauthenticated, Code.PermissionDenied, Code.Canceled]);
const callerReasons = /^(?:RATE_LIMITED$|IDEMPOTENCY_)/;

/**
 * The id under which the log has a failure of ours, for the text that the client reads (contract 1.7, 5 no. 1).
 * Rethrows what keeps its own HTTP status.
 */
export function failureId(error: unknown, context: CallContext): string {
  const safe = sanitize(error, context.log);
  if (callerCodes.has(safe.code) || callerReasons.test(reasonOf(safe) ?? "")) throw safe;
  const known = metadataOf(safe).errorId;
  if (known !== undefined) return known;
  const errorId = randomUUID();
  context.log.error({ err: safe, errorId }, "an order task call failed");
  return errorId;
}

/** The error, if it is one of ours with this reason. */
export function withReason(error: unknown, reason: string): ConnectError | undefined {
  return error instanceof ConnectError && reasonOf(error) === reason ? error : undefined;
}
