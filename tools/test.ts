// What `npm test` runs: installs what the tests need, then hands over to vitest with the given arguments.
import { installMissing, testComponents } from "./components/components.ts";
import { runTests } from "./test/run.ts";

if (await installMissing(testComponents, "npm test")) await runTests(process.argv.slice(2));
else process.exitCode = 1;
