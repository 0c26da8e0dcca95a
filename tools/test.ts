// What `npm test` runs: installs what the tests need, then hands over to vitest with the given arguments.
import { delimiter, dirname, join } from "node:path";
import { installMissing, testComponents } from "./components/components.ts";
import { envoyProgram, grpcurlProgram, natsServerProgram } from "./components/programs.ts";
import { replaceProcess } from "./launch/run.mjs";

const root = join(import.meta.dirname, "..");
if (await installMissing(testComponents, "npm test")) {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  // Tests start these two by name.
  const programs = [grpcurlProgram(), natsServerProgram().path].map((program) => dirname(program));
  process.env.PATH = [...programs, process.env.PATH].join(delimiter);
  // envoy-config-tools knows nothing of where this repository keeps it.
  process.env.ENVOY_BIN = envoyProgram();
  const reporters = ["--reporter=default", "--reporter=./tools/test/summary.ts"];
  await replaceProcess(root, process.execPath, [vitest, "run", ...reporters, ...process.argv.slice(2)]);
} else {
  process.exitCode = 1;
}
