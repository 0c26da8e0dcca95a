import { parseArgs } from "node:util";
import { Git } from "./git.ts";
import { ReleaseFailure, type Say, type Smoke, smokeCommand } from "./step.ts";

/** The command makes no sense (EX_USAGE of sysexits.h). */
const usageExitCode = 64;

/** The smoke test of this repository, at the commit that is checked out. */
const defaultSmoke = [process.execPath, "tools/launch.mjs", "tools/ops/mesh-smoke.ts", "--embedded"];

export const commonHelp = `  --smoke COMMAND   the smoke test: a program and its arguments, separated by blanks; exit code 0 is success
                    (default: RELEASE_SMOKE, else npm run mesh:smoke -- --embedded)
  --remote NAME     default: origin`;

export interface ReleaseCommand {
  readonly usage: string;
  /** Own options; true: a flag, false: one with a value. */
  readonly options: Readonly<Record<string, boolean>>;
  /** Resolves to false where the options make no sense. */
  run(release: {
    readonly values: Readonly<Record<string, string | boolean | undefined>>;
    readonly git: Git;
    readonly smoke: Smoke;
    readonly say: Say;
  }): Promise<boolean>;
}

/** Runs a release in the current directory with the arguments of this process and sets the exit code. */
export async function runRelease({ usage, options, run }: ReleaseCommand): Promise<void> {
  const values = parse(options);
  if (values?.help === true) return void process.stdout.write(usage);
  const say: Say = (line) => void process.stdout.write(`${line}\n`);
  try {
    const smoke = values?.smoke ?? process.env.RELEASE_SMOKE;
    const words = typeof smoke === "string" ? smoke.split(/\s+/).filter((word) => word !== "") : [];
    const git = new Git(process.cwd(), typeof values?.remote === "string" ? values.remote : "origin");
    const done =
      values !== undefined &&
      (await run({ values, git, smoke: smokeCommand(words.length > 0 ? words : defaultSmoke), say }));
    if (done) return;
    process.stderr.write(usage);
    process.exitCode = usageExitCode;
  } catch (error) {
    process.stderr.write(`ordermesh: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof ReleaseFailure ? error.exitCode : 1;
  }
}

function parse(own: ReleaseCommand["options"]): Record<string, string | boolean | undefined> | undefined {
  const options = Object.entries({ ...own, smoke: false, remote: false, help: true }).map(([name, flag]) => [
    name,
    { type: flag ? ("boolean" as const) : ("string" as const) },
  ]);
  try {
    const { values } = parseArgs({ args: process.argv.slice(2), options: Object.fromEntries(options) });
    return values as Record<string, string | boolean | undefined>;
  } catch (error) {
    process.stderr.write(`ordermesh: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}
