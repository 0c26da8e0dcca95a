import { Code } from "@connectrpc/connect";
import { defineErrors } from "./define.ts";

/** The failures that every service shares. */
export const runtimeErrors = defineErrors({
  UNAUTHENTICATED: { code: Code.Unauthenticated, text: "credentials are missing or not valid" },
  TOKEN_EXPIRED: { code: Code.Unauthenticated, text: "the token has expired" },
  PERMISSION_DENIED: { code: Code.PermissionDenied, text: "the caller may not do this" },
  FOREIGN_HOST: { code: Code.PermissionDenied, text: "this server answers only under its own host name" },
  FOREIGN_ORIGIN: { code: Code.PermissionDenied, text: "requests from pages of another origin are refused" },

  VALIDATION: { code: Code.InvalidArgument, text: "the request is not valid" },
  UNKNOWN_FIELD: { code: Code.InvalidArgument, text: "the request has an unknown field" },
  MALFORMED_JSON: { code: Code.InvalidArgument, text: "the body is not valid JSON" },
  MALFORMED_MESSAGE: { code: Code.InvalidArgument, text: "the request message cannot be decoded" },
  UNSUPPORTED_MEDIA_TYPE: { code: Code.InvalidArgument, http: 415, text: "the content type is not supported" },
  BODY_TOO_LARGE: { code: Code.ResourceExhausted, http: 413, text: "the request is larger than this server accepts" },

  NOT_FOUND: { code: Code.NotFound, text: "not found" },
  ALREADY_EXISTS: { code: Code.AlreadyExists, text: "it exists already" },
  ROUTE_NOT_FOUND: { code: Code.NotFound, text: "there is nothing at this path" },
  METHOD_NOT_ALLOWED: { code: Code.Unimplemented, http: 405, text: "the path does not take this HTTP method" },
  // Over HTTP a method that nobody serves is a path that does not exist (Connect's conformance suite asks for 404).
  METHOD_NOT_FOUND: { code: Code.Unimplemented, http: 404, text: "there is no such service or method here" },
  UNIMPLEMENTED: { code: Code.Unimplemented, text: "this method does not exist here" },

  // Statuses as in draft-ietf-httpapi-idempotency-key-header, section 2.7.
  IDEMPOTENCY_KEY_INVALID: {
    code: Code.InvalidArgument,
    text: "an Idempotency-Key has 1 to 255 visible ASCII characters",
  },
  IDEMPOTENCY_KEY_REUSED: {
    code: Code.InvalidArgument,
    http: 422,
    text: "this Idempotency-Key was used with another request",
  },
  IDEMPOTENCY_IN_FLIGHT: {
    code: Code.Aborted,
    retryable: true,
    text: "a request with this Idempotency-Key is still running",
  },

  QUEUE_FULL: { code: Code.ResourceExhausted, retryable: true, text: "too many requests are waiting" },
  RATE_LIMITED: { code: Code.ResourceExhausted, retryable: true, text: "too many requests" },
  CONFLICT: { code: Code.Aborted, retryable: true, text: "another request changed the same data" },
  STORE_UNAVAILABLE: { code: Code.Unavailable, retryable: true, text: "the database does not answer" },
  BUS_UNAVAILABLE: { code: Code.Unavailable, retryable: true, text: "the message bus does not answer" },
  SERVICE_UNAVAILABLE: { code: Code.Unavailable, retryable: true, text: "the service does not answer" },
  SHUTTING_DOWN: { code: Code.Unavailable, retryable: true, text: "the server is shutting down" },
  DEADLINE_EXCEEDED: { code: Code.DeadlineExceeded, text: "the deadline passed before the answer was ready" },
  CANCELLED: { code: Code.Canceled, text: "the caller cancelled the request" },
  INTERNAL: { code: Code.Internal, text: "internal error" },
});

/** Names of `runtimeErrors`. */
export type RuntimeReason = keyof typeof runtimeErrors;
