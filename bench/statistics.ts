/** Median of at least one number; of an even count, the mean of the middle two. Throws for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new Error("a median needs at least one value");
  return (upper + lower) / 2;
}

/** Median of what is there; undefined where nothing is. */
export function medianOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : median(known);
}

/** To `digits` significant ones: what a table shows of a measured figure. */
export function significant(value: number, digits = 4): number {
  return Number(value.toPrecision(digits));
}
