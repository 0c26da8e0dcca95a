import { join } from "node:path";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { ConfigError } from "@ordermesh/runtime/config/config-error.ts";
import { loadConfig } from "@ordermesh/runtime/config/load-config.ts";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { BadRequest, NotRunning } from "../control/control-client.ts";
import { type Layout, layoutOf } from "../layout.ts";
import { type MeshValues, meshOptions } from "../options.ts";

/** What the commands of the mesh end with. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, notRunning: 3 } as const;

export const exitCodesText = `Exit codes: 0 done, 1 it failed (or not all is healthy), 2 the command makes no sense, 3 the mesh is not running.
`;

export class UsageError extends Error {}

type Options = NonNullable<ParseArgsConfig["options"]>;

export interface Command<O extends Options> {
  readonly usage: string;
  readonly options: O;
  /** Names of the arguments that are no options; those in brackets may be left out. */
  readonly positionals?: readonly string[];
  run(args: { values: CommandValues<O>; positionals: readonly string[] }): Promise<number>;
}

type CommandValues<O extends Options> = ReturnType<typeof parseArgs<{ options: O; allowPositionals: true }>>["values"];

/** Runs a command to its end with the arguments of this process and sets the exit code. */
export async function runCommand<const O extends Options>(command: Command<O>): Promise<void> {
  try {
    const args = process.argv.slice(2);
    if (args.includes("--help") || args.includes("-h")) {
      process.stdout.write(`${command.usage}\n${exitCodesText}`);
      return;
    }
    process.exitCode = await command.run(parse(command, args));
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    process.stderr.write(`ordermesh: ${error instanceof Error ? error.message : error}\n`);
    if (process.exitCode === exitCodes.usage) process.stderr.write("ordermesh: --help shows what there is\n");
  }
}

function parse<const O extends Options>({ options, positionals: names = [] }: Command<O>, args: string[]) {
  try {
    const parsed = parseArgs({ args, options, allowPositionals: true });
    const needed = names.filter((name) => !name.startsWith("["));
    if (parsed.positionals.length < needed.length) throw new UsageError(`say which ${needed.join(" ")}`);
    if (parsed.positionals.length > names.length) throw new UsageError("there are too many arguments");
    return parsed as { values: CommandValues<O>; positionals: string[] };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof BadRequest) return exitCodes.usage;
  if (error instanceof ConfigError) return exitCodes.usage;
  if (error instanceof NotRunning) return exitCodes.notRunning;
  return error instanceof StartupError ? error.exitCode : exitCodes.failed;
}

/** The mesh's options from the environment and a command's flags; a flag wins. Throws ConfigError. */
export function meshValues(flags: Readonly<Record<string, string | undefined>> = {}): MeshValues {
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  return loadConfig(meshOptions, { ...process.env, ...Object.fromEntries(given) });
}

export function meshLayout(values: MeshValues): Layout {
  return layoutOf(values.MESH_DATA_DIR ?? join(values.DATA_DIR, "mesh"));
}
