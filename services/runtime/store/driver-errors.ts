import { StoreError, type StoreErrorKind } from "./store-error.ts";

/** The parts of driver errors that are read here; drivers and Sequelize's wrappers share the names. */
interface DriverError {
  readonly code?: unknown;
  readonly errno?: unknown;
  readonly errcode?: unknown;
  readonly message?: unknown;
  readonly detail?: unknown;
  readonly constraint?: unknown;
  readonly column?: unknown;
  readonly fatal?: unknown;
  readonly parent?: unknown;
  readonly name?: unknown;
}

function parts(error: unknown): DriverError {
  if (typeof error !== "object" || error === null) return {};
  const outer: DriverError = error;
  return typeof outer.parent === "object" && outer.parent !== null ? outer.parent : outer;
}

const mysqlKinds: ReadonlyMap<number, StoreErrorKind> = new Map<number, StoreErrorKind>([
  [1062, "duplicate-key"],
  [1586, "duplicate-key"],
  [1048, "constraint"], // NOT NULL
  [1364, "constraint"], // no default
  [1451, "constraint"], // referenced row
  [1452, "constraint"], // missing parent row
  [3819, "constraint"], // CHECK, MySQL
  [4025, "constraint"], // CHECK, MariaDB
  [1264, "out-of-range"],
  [1690, "out-of-range"],
  [1406, "data-too-long"],
  [1265, "invalid-value"], // data truncated
  [1292, "invalid-value"], // not a time or number
  [1366, "invalid-value"], // not a number, not UTF-8
  [1020, "conflict"], // record has changed since last read
  [1205, "conflict"], // lock wait timeout
  [1213, "conflict"], // deadlock
  [1317, "timeout"], // killed
  [1969, "timeout"], // max_statement_time, MariaDB
  [3024, "timeout"], // max_execution_time, MySQL
  [1021, "unavailable"], // disk full
  [1026, "unavailable"], // write failed
  [1030, "unavailable"], // storage engine error
  [1040, "unavailable"], // too many connections
  [1041, "unavailable"], // out of memory
  [1053, "unavailable"], // shutdown
  [1077, "unavailable"], // shutdown
  [1114, "unavailable"], // table full
  [1203, "unavailable"], // too many connections of the user
  [1290, "unavailable"], // --read-only
  [1792, "unavailable"], // read-only transaction
  [1836, "unavailable"], // read-only mode
  [1927, "unavailable"], // connection was killed
  [3100, "unavailable"], // commit refused by replication
  [4031, "unavailable"], // disconnected for inactivity
]);

export function mysqlError(error: unknown): StoreError {
  const { errno, message } = parts(error);
  const kind = typeof errno === "number" ? mysqlKinds.get(errno) : undefined;
  if (kind === undefined) return commonError(error);
  const said = String(message);
  const key = / for key '(?:[^'.]*\.)?([^']+)'/.exec(said)?.[1];
  const check = /(?:CONSTRAINT `|Check constraint ')([^`']+)/i.exec(said)?.[1];
  const column = /Column '([^']+)'|Field '([^']+)'|for column (?:`[^`]*`\.`[^`]*`\.)?[`']([^`']+)[`']/i.exec(said);
  const name = column?.slice(1).find((part) => part !== undefined);
  return new StoreError(kind, {
    cause: error,
    constraint: kind === "duplicate-key" ? key : check,
    columns: name === undefined || kind === "duplicate-key" ? undefined : [name],
    connectionLost: parts(error).fatal === true,
  });
}

const postgresKinds: readonly (readonly [RegExp, StoreErrorKind])[] = [
  [/^23505$/, "duplicate-key"],
  [/^23/, "constraint"],
  [/^22003$/, "out-of-range"],
  [/^22001$/, "data-too-long"],
  [/^22/, "invalid-value"],
  [/^40(001|P01)$/, "conflict"],
  [/^55P03$/, "conflict"], // lock_timeout
  [/^57014$/, "timeout"], // statement_timeout, cancel
  [/^25006$/, "unavailable"], // read-only
  [/^(08|53|58|57P)/, "unavailable"],
];

export function postgresError(error: unknown): StoreError {
  const { code, detail, constraint, column, message } = parts(error);
  if (typeof code !== "string" || !/^[0-9A-Z]{5}$/.test(code)) return commonError(error);
  // A prepared statement met a changed table: only a new connection forgets its plan.
  if (code === "0A000" && /cached plan/.test(String(message))) {
    return new StoreError("conflict", { cause: error, connectionLost: true });
  }
  const kind = postgresKinds.find(([pattern]) => pattern.test(code))?.[1] ?? "statement";
  const key = /^Key \(([^=]+)\)=/.exec(String(detail))?.[1];
  return new StoreError(kind, {
    cause: error,
    constraint: typeof constraint === "string" ? constraint : undefined,
    columns: key?.split(", ") ?? (typeof column === "string" ? [column] : undefined),
    connectionLost: /^(08|57P0[123])/.test(code),
  });
}

/** By SQLite's primary result code. */
const sqliteKinds: ReadonlyMap<number, StoreErrorKind> = new Map<number, StoreErrorKind>([
  [5, "conflict"], // BUSY
  [6, "conflict"], // LOCKED
  [7, "unavailable"], // NOMEM
  [8, "unavailable"], // READONLY
  [9, "timeout"], // INTERRUPT
  [10, "unavailable"], // IOERR
  [11, "unavailable"], // CORRUPT
  [13, "unavailable"], // FULL
  [14, "unavailable"], // CANTOPEN
  [18, "data-too-long"], // TOOBIG
  [20, "invalid-value"], // MISMATCH
  [26, "unavailable"], // NOTADB
]);

const sqliteConstraintDatatype = 3091;

/** `ddl.ts` names the CHECKs that stand for column types which SQLite has not; here they become what others say. */
const sqliteTypeChecks: Readonly<Record<string, StoreErrorKind>> = {
  too_long: "data-too-long",
  out_of_range: "out-of-range",
  not_a_time: "invalid-value",
};

export function sqliteError(error: unknown): StoreError {
  const { errcode, message, code } = parts(error);
  const said = String(message);
  if (code === "ERR_INVALID_ARG_VALUE" && /BigInt/.test(said)) return new StoreError("out-of-range", { cause: error });
  if (typeof errcode !== "number") return commonError(error);
  const failed = /constraint failed: (.+)$/s.exec(said)?.[1];
  if ((errcode & 0xff) !== 19) {
    return new StoreError(sqliteKinds.get(errcode & 0xff) ?? "statement", { cause: error });
  }
  if (errcode === sqliteConstraintDatatype) return new StoreError("invalid-value", { cause: error });
  if (/^(UNIQUE|PRIMARY KEY)/.test(said)) {
    return new StoreError("duplicate-key", { cause: error, columns: columnsOf(failed) });
  }
  const [type, column] = failed?.split(":") ?? [];
  const kind = type === undefined || column === undefined ? undefined : sqliteTypeChecks[type];
  if (kind !== undefined && column !== undefined) return new StoreError(kind, { cause: error, columns: [column] });
  if (/^NOT NULL/.test(said)) return new StoreError("constraint", { cause: error, columns: columnsOf(failed) });
  return new StoreError("constraint", { cause: error, constraint: failed });
}

function columnsOf(failed: string | undefined): string[] | undefined {
  return failed?.split(", ").map((name) => name.slice(name.lastIndexOf(".") + 1));
}

const connectionCodes: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ESOCKET",
  "ENOENT",
  "PROTOCOL_CONNECTION_LOST",
  "PROTOCOL_SEQUENCE_TIMEOUT",
  "ERR_STREAM_DESTROYED",
  "ERR_INVALID_STATE", // node:sqlite after close
]);

/** Failures of connections and pools, which have no SQL state. */
function commonError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const { code, message, fatal } = parts(error);
  if (error instanceof RangeError) return new StoreError("out-of-range", { cause: error });
  const name = error instanceof Error ? error.name : "";
  // Our own pool is exhausted; no connection is lost.
  if (name === "SequelizeConnectionAcquireTimeoutError") return new StoreError("unavailable", { cause: error });
  const lost =
    connectionCodes.has(code) ||
    fatal === true ||
    /^SequelizeConnection|^SequelizeHostNot|^SequelizeAccessDenied/.test(name) ||
    /Connection terminated|Client was closed|not queryable|connection is in closed state|pool is draining|manager was closed/i.test(
      String(message),
    );
  return lost
    ? new StoreError("unavailable", { cause: error, connectionLost: true })
    : new StoreError("statement", { cause: error });
}
