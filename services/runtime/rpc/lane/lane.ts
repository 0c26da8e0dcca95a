import { base64Decode } from "@bufbuild/protobuf/wire";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { ConnectError } from "@connectrpc/connect";
import { parseContentType, parseTimeout } from "@connectrpc/connect/protocol-connect";
import type { HeaderReader } from "../../auth/authenticator.ts";
import type { UnaryEndpoint } from "../registry.ts";
import { createCodecs, malformed } from "./codec.ts";
import { LaneCall, type LaneMethod, type LaneOptions } from "./lane-call.ts";

/** The start of a request, whatever carries it. */
export interface LaneHead extends HeaderReader {
  readonly method: string;
  /** What follows the `?`. */
  readonly query: string;
  /** All of them, for a handler that asks. */
  toHeaders(): Headers;
}

/**
 * Serves one unary method to Connect clients at a fraction of what the universal handlers cost: path, headers and body in,
 * status, headers and body out, with no stream and no AbortController in between. It knows no transport.
 */
export interface Lane {
  /** The call that this head begins; undefined where the universal handler must answer. Nothing of the body is read. */
  accept(head: LaneHead): LaneCall | undefined;
}

/**
 * What is not plain Connect unary goes to the universal handler: gRPC, gRPC-Web, compressed requests, other content types and
 * HTTP methods. What is answered is answered as there, with two differences, both INTERNAL there: a message that cannot be
 * decoded is INVALID_ARGUMENT in every encoding, for the fault is the caller's; a reply that cannot be encoded tells nothing of
 * why but an id that stands in the log.
 */
export function createLane(endpoint: UnaryEndpoint, options: LaneOptions): Lane {
  const method: LaneMethod = { endpoint, codecs: createCodecs(endpoint.method, options.types), options };
  const readOnly = endpoint.method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;

  return {
    accept(head) {
      if (head.method === "POST") return acceptPost(method, head);
      return readOnly && head.method === "GET" ? acceptGet(method, head) : undefined;
    },
  };
}

function acceptPost(method: LaneMethod, head: LaneHead): LaneCall | undefined {
  const binary = isBinary(head.get("content-type"));
  if (binary === undefined || !isIdentity(head.get("content-encoding"))) return undefined;
  return timed(new LaneCall(method, head, binary), head);
}

function acceptGet(method: LaneMethod, head: LaneHead): LaneCall | undefined {
  if (head.get("content-type") !== null || head.query.includes("#")) return undefined;
  const query = new URLSearchParams(head.query);
  const encoding = query.get("encoding");
  if ((encoding !== "json" && encoding !== "proto") || !isIdentity(query.get("compression"))) return undefined;
  const call = timed(new LaneCall(method, head, encoding === "proto"), head);
  const message = query.get("message") ?? "";
  try {
    call.message = query.get("base64") === "1" ? base64Decode(message) : Buffer.from(message);
  } catch {
    call.refusal ??= malformed("the message is not valid base64");
  }
  return call;
}

/** Undefined for what is no unary Connect type. */
function isBinary(contentType: string | null): boolean | undefined {
  if (contentType === "application/json") return false;
  if (contentType === "application/proto") return true;
  const type = parseContentType(contentType);
  return type === undefined || type.stream ? undefined : type.binary;
}

function isIdentity(compression: string | null): boolean {
  return compression === null || compression === "identity";
}

function timed(call: LaneCall, head: LaneHead): LaneCall {
  const text = head.get("connect-timeout-ms");
  if (text === null) return call;
  const timeout: { timeoutMs?: number; error?: ConnectError } = parseTimeout(text, Number.MAX_SAFE_INTEGER);
  if (timeout.timeoutMs !== undefined) call.deadline = Date.now() + timeout.timeoutMs;
  call.refusal = timeout.error;
  return call;
}
