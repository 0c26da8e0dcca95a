#!/usr/bin/env node
import { runCli } from "./cli.ts";

const output = {
  out: (text: string) => process.stdout.write(text),
  err: (text: string) => process.stderr.write(text),
};
try {
  process.exitCode = await runCli(process.argv.slice(2), output);
} catch (error) {
  output.err(`envoy-config: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
