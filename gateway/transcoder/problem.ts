import type { ConnectError } from "@connectrpc/connect";
import { type FieldViolation, fail } from "@ordermesh/runtime/errors/fail.ts";
import type { JsonSyntaxError } from "./json-syntax-error.ts";

/** What is wrong with a request before it becomes a call. */
export type Problem =
  | { readonly kind: "not-found" }
  | { readonly kind: "method-not-allowed"; readonly allow: readonly string[] }
  | { readonly kind: "media-type"; readonly received: string }
  | { readonly kind: "body-too-large"; readonly limitBytes: number }
  /** The body is not JSON; not UTF-8 is one of its reasons. */
  | { readonly kind: "json-syntax"; readonly error: JsonSyntaxError }
  /** Bad percent-encoding in path or query, or a header that cannot be used. */
  | { readonly kind: "malformed"; readonly source: "path" | "query" | "header"; readonly description: string }
  /** A field that does not exist, or a value that does not fit. */
  | { readonly kind: "field"; readonly source: Source; readonly unknown: boolean; readonly violation: FieldViolation };

/** Where a field's value came from. */
export type Source = "path" | "query" | "body";

/** A request that cannot become a call; the surface renders `problem` in its own shape. */
export class RequestProblem extends Error {
  override readonly name = "RequestProblem";
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.kind);
    this.problem = problem;
  }
}

/** A value that does not fit its field; whoever knows the field makes a RequestProblem of it. */
export class ValueError extends Error {
  override readonly name = "ValueError";
}

/** A problem with one field; `unknown`: there is no such field. */
export function violation(source: Source, field: string, description: string, unknown = false): RequestProblem {
  return new RequestProblem({ kind: "field", source, unknown, violation: { field, description } });
}

/** The problem as an RPC error with its reason, for surfaces that tell it like any other. */
export function problemToError(problem: Problem): ConnectError {
  switch (problem.kind) {
    case "not-found":
      return fail("ROUTE_NOT_FOUND");
    case "method-not-allowed":
      return fail("METHOD_NOT_ALLOWED", { message: `this path takes ${problem.allow.join(", ")}` });
    case "media-type":
      return fail("UNSUPPORTED_MEDIA_TYPE", {
        message: problem.received === "" ? "a body needs Content-Type: application/json" : undefined,
      });
    case "body-too-large":
      return fail("BODY_TOO_LARGE", { message: `the body is larger than ${problem.limitBytes} bytes` });
    case "json-syntax":
      return fail("MALFORMED_JSON", { message: `the body is not valid JSON: ${problem.error.message}` });
    case "malformed":
      return fail("VALIDATION", { message: problem.description });
    case "field": {
      const { field, description } = problem.violation;
      const message = field === "" ? description : `${field}: ${description}`;
      return fail(problem.unknown ? "UNKNOWN_FIELD" : "VALIDATION", { message, violations: [problem.violation] });
    }
  }
}
