import { describeMachine } from "./machine/describe.ts";
import { availableLayouts, sharedLayout } from "./machine/layout.ts";
import { judge } from "./marks.ts";
import type { RowResult, SuiteResult } from "./result.ts";
import { runLayout } from "./runner.ts";
import type { Suite } from "./suite.ts";
import { summarize } from "./summarize.ts";

export interface SuiteOptions {
  readonly quick: boolean;
  /** In place of the suite's own number. */
  readonly rounds?: number;
  readonly stack: AsyncDisposableStack;
  readonly say: (line: string) => void;
}

/** Runs a suite, in both layouts unless it is to be quick, and holds its marks against the first. */
export async function runSuite(suite: Suite, options: SuiteOptions): Promise<SuiteResult> {
  const { quick, stack, say } = options;
  const rounds = options.rounds ?? (quick ? suite.rounds.quick : suite.rounds.full);
  const { layouts, missing } = quick ? { layouts: [sharedLayout], missing: undefined } : availableLayouts();
  const machine = { ...describeMachine(), ...(missing !== undefined && { layouts: missing }) };
  const rows: RowResult[] = [];
  const problems: string[] = [];
  for (const layout of layouts) {
    const run = await runLayout(suite, { layout, quick, rounds, stack, say });
    rows.push(...summarize(suite.rows, run.samples, layout.name));
    problems.push(...run.problems);
  }
  const judged = rows.filter(({ layout }) => layout === sharedLayout.name);
  const marks = suite.marks.map((mark) => judge(mark, judged));
  return {
    suite: suite.name,
    title: suite.title,
    date: new Date().toISOString(),
    quick,
    rounds,
    machine,
    rows,
    marks,
    problems,
    pass: problems.length === 0 && marks.every(({ holds }) => holds),
  };
}
