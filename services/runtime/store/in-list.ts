import { arrayLiteral } from "./array-literal.ts";
import type { Dialect, SqlValue, StatementOptions } from "./sql.ts";

/** Most values of one list; `inListParts` splits longer ones. */
const longestInList = 1024;

/**
 * `(?, ?, ...)` and its parameters for `column in ...`. The length is rounded up to a power of two by repeating the
 * last value, so that lists of every length share a few prepared statements. Throws RangeError on an empty or too long list.
 */
export function inList<T extends SqlValue>(values: readonly T[]): { list: string; params: T[] } {
  const last = values.at(-1);
  if (last === undefined || values.length > longestInList) {
    throw new RangeError(`a list has 1 to ${longestInList} values, not ${values.length}`);
  }
  let length = 1;
  while (length < values.length) length *= 2;
  const params = values.slice();
  while (params.length < length) params.push(last);
  return { list: `(${"?, ".repeat(length - 1)}?)`, params };
}

/** The same for any number of values: a list for each statement. */
export function* inListParts<T extends SqlValue>(values: readonly T[]): Generator<{ list: string; params: T[] }> {
  for (let start = 0; start < values.length; start += longestInList) {
    yield inList(values.slice(start, start + longestInList));
  }
}

/**
 * The condition that `column` has one of many values: a list, or on PostgreSQL one array. There the statement is
 * planned anew each time: a plan kept from when the table was small would read all of it.
 */
export function* oneOfParts<T extends SqlValue>(
  dialect: Dialect,
  column: string,
  values: readonly T[],
): Generator<{ condition: string; params: SqlValue[]; options: StatementOptions }> {
  if (dialect.name === "postgres") {
    if (values.length === 0) return;
    yield { condition: `${column} = any(?)`, params: [arrayLiteral(values)], options: { once: true } };
    return;
  }
  for (const { list, params } of inListParts(values)) yield { condition: `${column} in ${list}`, params, options: {} };
}
