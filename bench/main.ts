// The benchmark: `npm run bench -- --help`.
import { writeFileSync } from "node:fs";
import { parseArguments, usage } from "./arguments.ts";
import { markdownOf } from "./report.ts";
import { jsonOf, keepResult } from "./results.ts";
import { runSuite } from "./run-suite.ts";
import { suites } from "./suites.ts";

async function main(): Promise<void> {
  const args = parseArguments(
    process.argv.slice(2),
    suites.map(({ name }) => name),
  );
  if (args.help) return console.log(usage);
  await using stack = new AsyncDisposableStack();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void stack.disposeAsync().finally(() => process.exit(130)));
  }
  const chosen = args.suites.length === 0 ? suites : suites.filter(({ name }) => args.suites.includes(name));
  for (const suite of chosen) {
    const result = await runSuite(suite, { ...args, stack, say: console.error });
    console.log(`\n${markdownOf(result)}\n`);
    if (args.json !== undefined) writeFileSync(args.json, jsonOf(result));
    if (!args.quick) keepResult(result);
    if (!result.pass) process.exitCode = 1;
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
