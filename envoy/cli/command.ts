import { type ParseArgsConfig, parseArgs } from "node:util";

/** Where a command writes: standard output and standard error of the program, or a test's. */
export interface Output {
  out(text: string): void;
  err(text: string): void;
}

export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** What `--help` says. */
  readonly help: string;
  /** Returns the exit code: 0, or 1 for differences and invalid configurations. Throws UsageError for what makes 2. */
  run(args: readonly string[], output: Output): Promise<number>;
}

/** A mistake of whoever typed the command; the message says what to type. */
export class UsageError extends Error {}

/** Options and other arguments of a command. Throws UsageError for options that it does not have. */
export function readArguments<Options extends NonNullable<ParseArgsConfig["options"]>>(
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
