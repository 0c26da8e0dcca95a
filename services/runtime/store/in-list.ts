import type { SqlValue } from "./sql.ts";

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
