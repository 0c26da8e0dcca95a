// Readers of what drivers return for a column: int64 comes as bigint (SQLite), text (PostgreSQL) or number and text
// (MySQL); times as text; booleans as boolean, 0/1 or bigint. Each reader throws TypeError on a type that a query or
// a migration got wrong.

/** Text of a character column, or the exact text of a decimal column. */
export function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw unexpected("text", value);
}

/** An integer column whose values fit a number; throws RangeError beyond 2^53. */
export function integer(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value)) return safe(value);
  if (typeof value === "bigint") return safe(Number(value));
  if (typeof value === "string" && /^-?\d+$/.test(value)) return safe(Number(value));
  throw unexpected("integer", value);
}

/** An int64 column, exactly. */
export function bigint(value: unknown): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^-?\d+$/.test(value)) return BigInt(value);
  throw unexpected("bigint", value);
}

// The times of a row and of its neighbours are often one text.
let lastTime = "";
let lastTimeMs = 0;

/** Epoch milliseconds of a time column. */
export function timeMs(value: unknown): number {
  if (typeof value === "string") {
    if (value === lastTime) return lastTimeMs;
    const ms = parsedTimeMs(value);
    if (ms === undefined) throw unexpected("time", value);
    lastTime = value;
    lastTimeMs = ms;
    return ms;
  }
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.getTime();
  throw unexpected("time", value);
}

function parsedTimeMs(value: string): number | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?: ?\+00(?::?00)?)?$/.exec(value);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = ""] = match;
  const ms = Number(fraction.slice(0, 3).padEnd(3, "0"));
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second), ms);
}

export function bytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw unexpected("bytes", value);
}

export function flag(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  if (value === 1 || value === 1n) return true;
  if (value === 0 || value === 0n) return false;
  throw unexpected("flag", value);
}

export const textOrNull = nullable(text);
export const timeMsOrNull = nullable(timeMs);
export const bytesOrNull = nullable(bytes);

function nullable<T>(read: (value: unknown) => T): (value: unknown) => T | null {
  return (value) => (value === null ? null : read(value));
}

function safe(value: number): number {
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`the column holds ${value}, which a number does not hold exactly`);
}

function unexpected(wanted: string, value: unknown): TypeError {
  // The value itself may be personal; its type tells what went wrong.
  return new TypeError(
    `expected a column with ${wanted}, got ${value === undefined ? "no such column" : value === null ? "null" : typeof value}`,
  );
}
