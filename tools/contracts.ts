// Checks that every row of a contract is shown by a test: `npm run contracts`. The rows are in docs/contracts/manifest/.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type ContractRow, checkRows } from "./contracts/manifest.ts";

const root = join(import.meta.dirname, "..");
const folder = join(root, "docs/contracts/manifest");

function readTest(file: string): string | undefined {
  const path = join(root, file);
  return file.endsWith(".test.ts") && existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

let failed = false;
for (const file of readdirSync(folder).sort()) {
  const contract = basename(file, ".json");
  const rows: ContractRow[] = JSON.parse(readFileSync(join(folder, file), "utf8"));
  const { shown, later, problems } = checkRows(contract, rows, readTest);
  for (const problem of problems) console.error(problem);
  console.log(`${contract}: ${shown} of ${rows.length} rows shown, ${later} later, ${problems.length} problems`);
  failed ||= problems.length > 0;
}
process.exitCode = failed ? 1 : 0;
