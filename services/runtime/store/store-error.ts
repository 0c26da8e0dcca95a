import { ConnectError } from "@connectrpc/connect";
import { fail } from "../errors/fail.ts";

/** What went wrong, the same on every database. */
export type StoreErrorKind =
  /** A unique key exists; `constraint` or `columns` say which, where the database tells. */
  | "duplicate-key"
  /** A CHECK, foreign key or NOT NULL refused the row. */
  | "constraint"
  /** A number that its column cannot hold. */
  | "out-of-range"
  | "data-too-long"
  /** A value of the wrong form: not a time, not a number, a NUL in a text. */
  | "invalid-value"
  /** Deadlock, serialization failure or a lock not got in time: the same transaction may succeed next time. */
  | "conflict"
  /** The statement ran longer than it may, or was cancelled. */
  | "timeout"
  /** No connection, or the server cannot work now: shutting down, read-only, disk full, too many connections. */
  | "unavailable"
  /** Everything else, such as a syntax error: a defect of ours. */
  | "statement";

/** A failed statement or connection. The message is for logs: it may quote SQL values through its `cause`. */
export class StoreError extends Error {
  readonly kind: StoreErrorKind;
  readonly constraint: string | undefined;
  readonly columns: readonly string[] | undefined;
  /** The connection is lost and the transaction with it. */
  readonly connectionLost: boolean;

  constructor(
    kind: StoreErrorKind,
    options: { cause?: unknown; constraint?: string; columns?: readonly string[]; connectionLost?: boolean } = {},
  ) {
    const where = options.constraint ?? options.columns?.join(", ");
    super(where === undefined ? `store: ${kind}` : `store: ${kind} (${where})`, { cause: options.cause });
    this.name = "StoreError";
    this.kind = kind;
    this.constraint = options.constraint;
    this.columns = options.columns;
    this.connectionLost = options.connectionLost ?? false;
  }
}

export function isStoreError(error: unknown, kind: StoreErrorKind): error is StoreError {
  return error instanceof StoreError && error.kind === kind;
}

/**
 * True for a duplicate of the unique key with this index name or exactly these columns; SQLite and PostgreSQL tell
 * columns, MySQL and PostgreSQL the name, so a caller that tells keys apart gives both.
 */
export function isDuplicateKey(error: unknown, index: string, columns: readonly string[]): error is StoreError {
  if (!isStoreError(error, "duplicate-key")) return false;
  return error.constraint === index || (error.columns !== undefined && error.columns.join() === columns.join());
}

/**
 * What a caller of the service gets: UNAVAILABLE when the database does not answer (or not in time), ABORTED after
 * the last conflict. Other failures stay as they are: where no handler expected them they are internal errors.
 */
export function toCallError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  if (error.kind === "unavailable" || error.kind === "timeout") return fail("STORE_UNAVAILABLE", { cause: error });
  if (error.kind === "conflict") return fail("CONFLICT", { cause: error });
  return error;
}

/** The error for an aborted signal: its reason when that is one of ours, such as the passed deadline. */
export function cancelled(signal: AbortSignal): ConnectError {
  return signal.reason instanceof ConnectError ? signal.reason : fail("CANCELLED", { cause: signal.reason });
}
