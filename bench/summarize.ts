import type { RowResult } from "./result.ts";
import { median, medianOf, significant } from "./statistics.ts";
import type { Figure, Row, Sample } from "./suite.ts";

/** The rows of one layout from their samples; a row that was never measured is left out. */
export function summarize(
  rows: readonly Row[],
  samples: ReadonlyMap<string, readonly Sample[]>,
  layout: string,
): RowResult[] {
  const results = rows.flatMap((row) => {
    const taken = samples.get(row.name) ?? [];
    return taken.length === 0 ? [] : [summarizeRow(row, taken, layout)];
  });
  return results.map((result) => ({ ...result, ...ratioOf(result, rows, results) }));
}

function summarizeRow({ name, unit }: Row, samples: readonly Sample[], layout: string): RowResult {
  const values = samples.map(({ value }) => value);
  const shown = (value: number | undefined) => (value === undefined ? undefined : significant(value));
  return {
    name,
    layout,
    unit,
    median: significant(median(values)),
    min: significant(Math.min(...values)),
    max: significant(Math.max(...values)),
    cpuUs: significant(median(samples.map(({ cpuUs }) => cpuUs))),
    p50: shown(medianOf(samples.map(({ p50 }) => p50))),
    p99: shown(medianOf(samples.map(({ p99 }) => p99))),
    peakMb: significant(Math.max(...samples.map(({ peakMb }) => peakMb))),
    growthMb: significant(median(samples.map(({ growthMb }) => growthMb))),
    extra: mediansOf(samples.map(({ extra }) => extra)),
    servers: serversOf(samples),
    samples,
  };
}

function mediansOf(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))];
  return Object.fromEntries(
    names.map((name) => [name, significant(medianOf(records.map((record) => record[name])) ?? 0)]),
  );
}

function serversOf(samples: readonly Sample[]): RowResult["servers"] {
  const names = [...new Set(samples.flatMap(({ servers }) => Object.keys(servers)))];
  return Object.fromEntries(
    names.map((name) => [
      name,
      {
        cpuUs: significant(medianOf(samples.map(({ servers }) => servers[name]?.cpuUs)) ?? 0),
        peakMb: significant(Math.max(...samples.map(({ servers }) => servers[name]?.peakMb ?? 0))),
      },
    ]),
  );
}

function ratioOf(result: RowResult, rows: readonly Row[], results: readonly RowResult[]): Partial<RowResult> {
  const row = rows.find(({ name }) => name === result.name);
  const baseline = results.find(({ name }) => name === row?.baseline);
  if (row?.baseline === undefined || baseline === undefined) return {};
  const figure = row.ratioOf ?? "median";
  const [own, other] = [figureOf(result, figure), figureOf(baseline, figure)];
  return {
    baseline: row.baseline,
    ratioOf: figure,
    ratio: own === undefined || other === undefined ? undefined : significant(own / other),
  };
}

/** A figure of a row by name, its `extra` ones included; undefined where it has none. */
export function figureOf(row: RowResult, figure: Figure | (string & {})): number | undefined {
  if (figure === "perCpuSecond") return 1e6 / row.cpuUs;
  const own: Record<string, unknown> = { ...row.extra, ...row };
  const value = own[figure];
  return typeof value === "number" ? value : undefined;
}
