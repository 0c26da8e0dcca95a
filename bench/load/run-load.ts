import { text } from "node:stream/consumers";
import { spawnProgram } from "../machine/server-child.ts";
import type { Work } from "../suite.ts";
import { Histogram } from "./histogram.ts";
import type { LoadPlan, LoadReport } from "./plan.ts";

export interface LoadResult extends Omit<LoadReport, "latency"> {
  readonly latency: Histogram;
  /** Answers a second, by the generator's clock. */
  readonly rate: number;
}

/** Runs the plan in a process of its own. Throws when it fails, or when an answer was not as its request demands. */
export async function runLoad(plan: LoadPlan, core?: number): Promise<LoadResult> {
  const { child, ended, said } = spawnProgram({ program: import.meta.resolve("./main.ts"), core });
  child.stdin.end(JSON.stringify(plan));
  const [output, code] = await Promise.all([text(child.stdout), ended]);
  if (code !== 0) throw new Error(`the load on ${plan.url} failed:\n${said()}`);
  const report = JSON.parse(output) as LoadReport;
  if (report.failures > 0) {
    throw new Error(`${report.failures} of ${report.operations} answers were wrong, the first: ${report.firstFailure}`);
  }
  return { ...report, latency: Histogram.fromJSON(report.latency), rate: report.operations / report.seconds };
}

/** The run as the work of a sample. */
export function workOf({ operations, rate, latency, busy }: LoadResult): Work {
  return { operations, value: rate, latency, extra: { loadBusy: busy } };
}
