import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { markdownPage } from "./report.ts";
import type { SuiteResult } from "./result.ts";

const folder = join(import.meta.dirname, "results");

/** Keeps the result of a full run, and writes the page anew from all that are kept. */
export function keepResult(result: SuiteResult): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${result.suite}.json`), jsonOf(result));
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  const kept = files.sort().map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as SuiteResult);
  writeFileSync(join(folder, "README.md"), markdownPage(kept));
}

export function jsonOf(result: SuiteResult): string {
  return `${JSON.stringify(result, null, 2)}\n`;
}
