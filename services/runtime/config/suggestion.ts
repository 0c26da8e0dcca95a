/**
 * The known name that `name` is probably meant to be. Strict, because an environment is full of other programs' names:
 * one typing error, two in a long name, and in a short one only two letters changed over.
 */
export function suggestion(name: string, known: Iterable<string>): string | undefined {
  for (const candidate of known) {
    const limit = candidate.length >= 14 ? 2 : 1;
    if (Math.abs(candidate.length - name.length) > limit) continue;
    if (candidate.length < 6 && [...candidate].sort().join() !== [...name].sort().join()) continue;
    if (distance(name, candidate) <= limit) return candidate;
  }
  return undefined;
}

/** Edits between two texts: insert, delete, replace, change over two neighbours (optimal string alignment). */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(at(last, j) + 1, at(row, j - 1) + 1, replace);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, at(beforeLast, j - 2) + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
