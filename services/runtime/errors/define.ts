import type { Code } from "@connectrpc/connect";
import { httpStatusOfCode } from "./http-status.ts";

/** One line of a table of errors. */
export interface ErrorSpec {
  readonly code: Code;
  /** HTTP status where it is not the code's own (google/rpc/code.proto). */
  readonly http?: number;
  /** The same request may succeed later: the error carries RetryInfo. Default false. */
  readonly retryable?: boolean;
  /** What the caller reads unless the place of failure says it better. */
  readonly text: string;
}

/** A kind of failure; `reason` is its stable name on the wire (google.rpc.ErrorInfo). */
export interface ErrorDefinition {
  readonly reason: string;
  readonly code: Code;
  readonly http: number;
  readonly retryable: boolean;
  readonly text: string;
}

/** Makes a service's table of errors: reason (UPPER_SNAKE_CASE) to what it means everywhere. */
export function defineErrors<const T extends Readonly<Record<string, ErrorSpec>>>(
  table: T,
): { readonly [K in keyof T]: ErrorDefinition } {
  const definitions: Record<string, ErrorDefinition> = {};
  for (const [reason, spec] of Object.entries(table)) {
    if (!/^[A-Z][A-Z0-9_]{0,61}[A-Z0-9]$/.test(reason))
      throw new Error(`error reason ${reason} is not UPPER_SNAKE_CASE`);
    definitions[reason] = Object.freeze({
      reason,
      code: spec.code,
      http: spec.http ?? httpStatusOfCode(spec.code),
      retryable: spec.retryable ?? false,
      text: spec.text,
    });
  }
  return definitions as { readonly [K in keyof T]: ErrorDefinition };
}
