import { delimiter, dirname, join } from "node:path";
import { envoyProgram, grpcurlProgram, natsServerProgram } from "../components/programs.ts";
import { replaceProcess } from "../launch/run.mjs";

const root = join(import.meta.dirname, "../..");

/** Becomes vitest with the given arguments; the components must stand. */
export async function runTests(args: readonly string[]): Promise<void> {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  // Tests start these two by name.
  const programs = [grpcurlProgram(), natsServerProgram().path].map((program) => dirname(program));
  process.env.PATH = [...programs, process.env.PATH].join(delimiter);
  // envoy-config-tools knows nothing of where this repository keeps it.
  process.env.ENVOY_BIN = envoyProgram();
  const reporters = ["--reporter=default", "--reporter=./tools/test/summary.ts"];
  await replaceProcess(root, process.execPath, [vitest, "run", ...reporters, ...args]);
}
