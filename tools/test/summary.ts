import { writeSync } from "node:fs";
import type { Reporter, SerializedError, TestModule } from "vitest/node";

/** Ends the output with one line that a CI can read: `N passed, N failed`, with `, N skipped` where some were. */
export default class Summary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const line = summaryLine(modules, errors.length);
    // Vitest closes and prints on; the last word is said when the process ends.
    process.once("exit", () => writeSync(1, `\n${line}\n`));
  }
}

/** A file that does not load and an error outside every test count as failures of their own. */
export function summaryLine(modules: readonly Pick<TestModule, "children" | "errors">[], errors: number): string {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const count = (state: string) => tests.filter((test) => test.result().state === state).length;
  const broken = modules.filter((module) => module.errors().length > 0).length;
  const skipped = count("skipped");
  return `${count("passed")} passed, ${count("failed") + broken + errors} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
