import { describeMark } from "./marks.ts";
import type { RowResult, SuiteResult } from "./result.ts";

const columns: readonly [string, (row: RowResult) => string][] = [
  ["row", (row) => row.name],
  ["layout", (row) => row.layout],
  ["min", (row) => shown(row.min)],
  ["median", (row) => shown(row.median)],
  ["max", (row) => shown(row.max)],
  ["unit", (row) => row.unit],
  ["CPU us/op", (row) => shown(row.cpuUs)],
  ["p50 ms", (row) => shown(row.p50)],
  ["p99 ms", (row) => shown(row.p99)],
  ["peak MB", (row) => shown(row.peakMb)],
  ["ratio", ratioText],
];

/** A suite's part of the table. */
export function markdownOf(result: SuiteResult): string {
  const lines = [columns.map(([title]) => title), columns.map(() => "---"), ...result.rows.map(cells)];
  const table = tableOf(lines);
  const marks = result.marks.map((mark) => `- ${mark.holds ? "holds" : "**missed**"}: ${describeMark(mark)}`);
  const problems = result.problems.map((problem) => `- **failed**: ${problem.replaceAll("\n", " ")}`);
  const run = `${result.date}, ${result.rounds} rounds${result.quick ? ", quick" : ""}; ${machineText(result)}`;
  return [`## ${result.suite}`, result.title, table, processTable(result), [...marks, ...problems].join("\n"), run]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** The whole page, from the latest full run of each suite. */
export function markdownPage(results: readonly SuiteResult[]): string {
  const intro = `# Results

Written by \`npm run bench\`; no figure is typed by hand. Layout \`shared\`: servers and load on all cores; \`pinned\`: servers on core 0, load on core 1.
Values are medians of the rounds. CPU is user and system time of every server process, databases and brokers included, an operation. p50 and p99 are
latencies at the load generator. Memory is the highest moment of all server processes together. The ratio is to the baseline of the same run. Marks are judged in the \`shared\` layout.`;
  return `${[intro, ...results.map(markdownOf)].join("\n\n")}\n`;
}

/** Where the CPU time went, in the first layout; empty where no row has several processes. */
function processTable({ rows }: SuiteResult): string {
  const several = rows.filter(({ layout, servers }) => layout === rows[0]?.layout && Object.keys(servers).length > 1);
  if (several.length === 0) return "";
  const names = [...new Set(several.flatMap(({ servers }) => Object.keys(servers)))];
  const lines = several.map((row) => [escaped(row.name), ...names.map((name) => shown(row.servers[name]?.cpuUs))]);
  return `CPU us/op by process:\n\n${tableOf([["row", ...names], ["---", ...names.map(() => "---")], ...lines])}`;
}

function tableOf(lines: readonly (readonly string[])[]): string {
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}

function cells(row: RowResult): string[] {
  return columns.map(([, text]) => escaped(text(row)));
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|");
}

function shown(value: number | undefined): string {
  return value === undefined ? "" : value.toLocaleString("en", { maximumSignificantDigits: 4 });
}

function ratioText({ ratio, ratioOf, baseline }: RowResult): string {
  if (ratio === undefined) return "";
  return `${shown(ratio)} of ${baseline}${ratioOf === "median" ? "" : ` (${ratioOf})`}`;
}

function machineText({ machine }: SuiteResult): string {
  return Object.entries(machine)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}
