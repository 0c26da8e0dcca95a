import type { Import } from "./graph.ts";
import { type ImportRule, importRules } from "./rules.ts";

export interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: string;
}

export function findViolations(imports: readonly Import[], rules: readonly ImportRule[] = importRules): Violation[] {
  return imports.flatMap(({ from, to }) =>
    rules.filter((rule) => isAgainst(rule, from, to)).map(({ rule }) => ({ from, to, rule })),
  );
}

function isAgainst(rule: ImportRule, from: string, to: string): boolean {
  const match = new RegExp(rule.from).exec(from);
  if (match === null) return false;
  const matches = (pattern: string) => new RegExp(pattern.replaceAll("$1", match[1] ?? "")).test(to);
  return matches(rule.to) && !(rule.except !== undefined && matches(rule.except));
}

/** Circles of imports at run time, each once, as the files along it with the first one again at the end. */
export function findCycles(imports: readonly Import[]): string[][] {
  const atRunTime = imports.filter(({ typesOnly }) => !typesOnly);
  const targets = Map.groupBy(atRunTime, ({ from }) => from);
  const finished = new Set<string>();
  const cycles: string[][] = [];
  const path: string[] = [];
  const visit = (file: string) => {
    const start = path.indexOf(file);
    if (start >= 0) cycles.push([...path.slice(start), file]);
    if (start >= 0 || finished.has(file)) return;
    path.push(file);
    for (const { to } of targets.get(file) ?? []) visit(to);
    path.pop();
    finished.add(file);
  };
  for (const file of targets.keys()) visit(file);
  return cycles;
}
