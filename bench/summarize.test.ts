import { describe, expect, test } from "vitest";
import { describeMark, judge } from "./marks.ts";
import type { Row, Sample } from "./suite.ts";
import { summarize } from "./summarize.ts";

function sample(value: number, overrides: Partial<Sample> = {}): Sample {
  const usage = { seconds: 1, operations: 1, cpuUs: 10, peakMb: 50, growthMb: 0, servers: {}, extra: {} };
  return { ...usage, value, ...overrides };
}

const definitions: readonly Row[] = [
  { name: "ours", unit: "1/s", baseline: "theirs" },
  { name: "theirs", unit: "1/s" },
];

function rowsOf(ours: readonly Sample[], theirs: readonly Sample[], definition: Partial<Row> = {}) {
  const rows = definitions.map((row) => (row.name === "ours" ? { ...row, ...definition } : row));
  const samples = new Map([
    ["ours", ours],
    ["theirs", theirs],
  ]);
  return summarize(rows, samples, "shared");
}

describe("a row", () => {
  test("has minimum, median and maximum of its rounds, and the highest memory", () => {
    const [ours] = rowsOf([sample(3, { peakMb: 90 }), sample(1), sample(2)], []);
    expect(ours).toMatchObject({ min: 1, median: 2, max: 3, peakMb: 90, cpuUs: 10 });
  });

  test("has the medians of its latencies, of what each server used and of further figures", () => {
    const round = (p99: number) =>
      sample(1, { p99, extra: { oversold: p99 }, servers: { mariadbd: { cpuUs: p99, peakMb: p99 } } });
    const [ours] = rowsOf([round(1), round(7), round(3)], []);
    expect(ours).toMatchObject({
      p99: 3,
      extra: { oversold: 3 },
      servers: { mariadbd: { cpuUs: 3, peakMb: 7 } },
    });
  });

  test("has the ratio of its median to that of its baseline", () => {
    expect(rowsOf([sample(12)], [sample(4)])[0]).toMatchObject({ ratio: 3, baseline: "theirs", ratioOf: "median" });
  });

  test("may have the ratio of what a CPU second does", () => {
    const rows = rowsOf([sample(1, { cpuUs: 20 })], [sample(1, { cpuUs: 15 })], { ratioOf: "perCpuSecond" });
    expect(rows[0]?.ratio).toBe(0.75);
  });

  test("has no ratio where its baseline was not measured", () => {
    expect(rowsOf([sample(12)], [])[0]).not.toHaveProperty("ratio");
  });

  test("that was never measured is left out", () => {
    expect(rowsOf([], [sample(1)]).map(({ name }) => name)).toEqual(["theirs"]);
  });
});

describe("a mark", () => {
  const rows = rowsOf([sample(12, { p99: 80, extra: { oversold: 0 } })], [sample(4)]);

  test.each([
    [{ row: "ours", figure: "median", atLeast: 12 }, true, 12],
    [{ row: "ours", figure: "p99", atMost: 79.9 }, false, 80],
    [{ row: "ours", figure: "median", against: "theirs", atLeast: 3.1 }, false, 3],
    [{ row: "ours", figure: "oversold", atLeast: 0, atMost: 0 }, true, 0],
    [{ row: "ours", figure: "perCpuSecond", atLeast: 100_000 }, true, 100_000],
  ])("%j", (mark, holds, reached) => {
    expect(judge(mark, rows)).toMatchObject({ holds, reached });
  });

  test.each([
    { row: "nobody", figure: "median", atMost: 1 },
    { row: "ours", figure: "unheard", atMost: 1 },
    { row: "ours", figure: "p99", against: "theirs", atMost: 1e9 },
  ])("without its figure does not hold: %j", (mark) => {
    expect(judge(mark, rows)).toEqual({ ...mark, holds: false });
  });

  test("is told with its figure and its limit", () => {
    const mark = judge({ row: "ours", figure: "median", against: "theirs", atLeast: 8 }, rows);
    expect(describeMark(mark)).toBe("ours: median against theirs is 3, must be at least 8");
  });
});
