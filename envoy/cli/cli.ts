import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Command, type Output, UsageError } from "./command.ts";
import { diff } from "./diff.ts";
import { render } from "./render.ts";
import { routes } from "./routes.ts";
import { serve } from "./serve.ts";
import { validate } from "./validate.ts";

const commands: ReadonlyMap<string, Command> = new Map(Object.entries({ render, validate, diff, routes, serve }));

/** Runs one command line, without the program's own name. Returns the exit code. */
export async function runCli(args: readonly string[], output: Output): Promise<number> {
  const [name = "--help", ...rest] = args;
  if (name === "--help" || name === "-h" || name === "help") {
    output.out(overview());
    return 0;
  }
  if (name === "--version") {
    output.out(`${version()}\n`);
    return 0;
  }
  const command = commands.get(name);
  if (command === undefined) return usage(output, `no command "${name}"`, overview());
  if (rest.includes("--help") || rest.includes("-h")) {
    output.out(`${command.help}\n`);
    return 0;
  }
  try {
    return await command.run(rest, output);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return usage(output, error.message, `"envoy-config ${name} --help" says more\n`);
  }
}

function version(): string {
  return JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8")).version;
}

function usage(output: Output, problem: string, help: string): number {
  output.err(`envoy-config: ${problem}\n${help}`);
  return 2;
}

function overview(): string {
  const width = Math.max(...[...commands.keys()].map((name) => name.length));
  const lines = [...commands].map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `usage: envoy-config COMMAND ...\n\n${lines.join("\n")}\n\n"envoy-config COMMAND --help" says more\n`;
}
