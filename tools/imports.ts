// Checks which file may import which: `npm run deps`. The rules are in imports/rules.ts.
import { join } from "node:path";
import { findCycles, findViolations } from "./imports/check.ts";
import { readImports } from "./imports/graph.ts";

const imports = readImports(join(import.meta.dirname, ".."));
const problems = [
  ...findViolations(imports).map(({ from, to, rule }) => `${from} imports ${to}: ${rule}`),
  ...findCycles(imports).map((cycle) => `these files import each other in a circle: ${cycle.join(" -> ")}`),
];
for (const problem of problems) console.error(problem);
const files = new Set(imports.map(({ from }) => from));
console.log(`${imports.length} imports of ${files.size} files checked, ${problems.length} against the rules`);
process.exitCode = problems.length > 0 ? 1 : 0;
