import { waived } from "./waived.ts";

/** What one run of the suite found. */
export interface Outcome {
  readonly total: number;
  /** Cases without a result: the suite's client gave up. */
  readonly notRun: number;
  /** Failed cases by name, and what was wrong with them. */
  readonly failures: ReadonlyMap<string, string>;
}

/** Reads what connectconformance prints. Throws where it ended without a result. */
export function parseOutcome(output: string): Outcome {
  const total = /^Total cases: (\d+)$/m.exec(output);
  if (total === null) throw new Error(`connectconformance has no result:\n${output}`);
  const notRun = /^Another (\d+) could not be run/m.exec(output);
  const failed = output.matchAll(/^FAILED: (.+):\n((?:\t.*\n?)*)/gm);
  const failures = new Map([...failed].map(([, name = "", text = ""]) => [name, text.trimEnd()]));
  return { total: Number(total[1]), notRun: Number(notRun?.[1] ?? 0), failures };
}

/** What is wrong with our outcome, beside connect-node's: nothing where every case that connect-node passes passes. */
export function problemsOf(plain: Outcome, ours: Outcome): string[] {
  const problems: string[] = [];
  if (ours.total === 0) problems.push("no case was run");
  if (ours.total !== plain.total) problems.push(`we were asked ${ours.total} cases, connect-node ${plain.total}`);
  if (plain.notRun + ours.notRun > 0) problems.push(`${plain.notRun + ours.notRun} cases were not run`);
  for (const [name, text] of ours.failures) {
    if (!plain.failures.has(name) && !isWaived(name)) problems.push(`${name}\n${text}`);
  }
  for (const { cases, reason } of waived) {
    if (![...ours.failures.keys()].some((name) => cases.test(name)))
      problems.push(`cases ${cases} pass: they need no waiver (${reason})`);
  }
  return problems;
}

/** One line a server, and what of the differences is known. */
export function summary(plain: Outcome, ours: Outcome): string {
  const lines = [line("connect-node", plain), line("ordermesh", ours)];
  for (const name of plain.failures.keys()) lines.push(`connect-node itself fails ${name}`);
  for (const name of ours.failures.keys()) {
    const waiver = waived.find(({ cases }) => cases.test(name));
    if (waiver !== undefined) lines.push(`waived: ${name}: ${waiver.reason}`);
  }
  return lines.join("\n");
}

function line(server: string, { total, failures }: Outcome): string {
  return `${server}: ${total - failures.size} of ${total} cases passed`;
}

function isWaived(name: string): boolean {
  return waived.some(({ cases }) => cases.test(name));
}
