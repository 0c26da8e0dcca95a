import type { MarkResult, RowResult } from "./result.ts";
import { significant } from "./statistics.ts";
import type { Mark } from "./suite.ts";
import { figureOf } from "./summarize.ts";

/** Holds a mark against the rows of a layout. One whose row or figure is missing does not hold. */
export function judge(mark: Mark, rows: readonly RowResult[]): MarkResult {
  const figure = (name: string) => {
    const row = rows.find((candidate) => candidate.name === name);
    return row && figureOf(row, mark.figure);
  };
  const own = figure(mark.row);
  const other = mark.against === undefined ? 1 : figure(mark.against);
  if (own === undefined || other === undefined) return { ...mark, holds: false };
  const reached = own / other;
  const holds =
    reached >= (mark.atLeast ?? Number.NEGATIVE_INFINITY) && reached <= (mark.atMost ?? Number.POSITIVE_INFINITY);
  return { ...mark, reached: significant(reached), holds };
}

/** `GET one: perCpuSecond against fastify is 0.65, must be at least 0.7`. */
export function describeMark({ row, figure, against, atLeast, atMost, reached }: MarkResult): string {
  const limits = [atLeast === undefined ? [] : `at least ${atLeast}`, atMost === undefined ? [] : `at most ${atMost}`];
  const of = against === undefined ? figure : `${figure} against ${against}`;
  return `${row}: ${of} is ${reached ?? "not measured"}, must be ${limits.flat().join(" and ")}`;
}
