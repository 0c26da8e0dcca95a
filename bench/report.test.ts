import { expect, test } from "vitest";
import { markdownOf, markdownPage } from "./report.ts";
import type { RowResult, SuiteResult } from "./result.ts";

const row: RowResult = {
  name: "GET | one",
  layout: "shared",
  unit: "requests/s",
  median: 12_345,
  min: 12_000,
  max: 13_000,
  cpuUs: 16.25,
  p50: 1.5,
  peakMb: 80,
  growthMb: 0,
  baseline: "fastify",
  ratio: 0.75,
  ratioOf: "perCpuSecond",
  extra: {},
  servers: {},
  samples: [],
};

const result: SuiteResult = {
  suite: "rest",
  title: "REST.",
  date: "2026-11-21T07:00:00.000Z",
  quick: false,
  rounds: 5,
  machine: { node: "v26.10.0" },
  rows: [row],
  marks: [
    { row: "GET | one", figure: "perCpuSecond", against: "fastify", atLeast: 0.7, reached: 0.75, holds: true },
    { row: "GET | one", figure: "p99", atMost: 1, holds: false },
  ],
  problems: ["ordermesh: an order\nis missing"],
  pass: false,
};

test("a suite is its table, its marks, its problems and where it ran", () => {
  expect(markdownOf(result).split("\n\n")).toEqual([
    "## rest",
    "REST.",
    [
      "| row | layout | min | median | max | unit | CPU us/op | p50 ms | p99 ms | peak MB | ratio |",
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
      "| GET \\| one | shared | 12,000 | 12,350 | 13,000 | requests/s | 16.25 | 1.5 |  | 80 | 0.75 of fastify (perCpuSecond) |",
    ].join("\n"),
    [
      "- holds: GET | one: perCpuSecond against fastify is 0.75, must be at least 0.7",
      "- **missed**: GET | one: p99 is not measured, must be at most 1",
      "- **failed**: ordermesh: an order is missing",
    ].join("\n"),
    "2026-11-21T07:00:00.000Z, 5 rounds; node v26.10.0",
  ]);
});

test("where several processes share the work, each one's part is told", () => {
  const servers = { envoy: { cpuUs: 120.4, peakMb: 90 }, order: { cpuUs: 80, peakMb: 200 } };
  const text = markdownOf({ ...result, rows: [row, { ...row, servers }] });
  expect(text.split("\n\n").slice(3, 5)).toEqual([
    "CPU us/op by process:",
    ["| row | envoy | order |", "| --- | --- | --- |", "| GET \\| one | 120.4 | 80 |"].join("\n"),
  ]);
});

test("the page has every suite", () => {
  const page = markdownPage([result, { ...result, suite: "start" }]);
  expect(page.match(/^## .*$/gm)).toEqual(["## rest", "## start"]);
});
