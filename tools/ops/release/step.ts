import { spawn } from "node:child_process";
import type { Git } from "./git.ts";

/** Gets one line for each step. */
export type Say = (line: string) => void;

/** Ends a release with an exit code of its own. */
export class ReleaseFailure extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** Runs one step; its failure ends the release with `exitCode`. */
export async function step<T>(exitCode: number, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ReleaseFailure) throw error;
    throw new ReleaseFailure(exitCode, `${what}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/** Runs the smoke test in a work tree; its exit code. */
export type Smoke = (directory: string) => Promise<number>;

/** A program and its arguments as the smoke test, with its output beside ours. */
export function smokeCommand([program = "", ...args]: readonly string[]): Smoke {
  return (directory) =>
    new Promise((resolve) => {
      const child = spawn(program, args, { cwd: directory, stdio: ["ignore", 2, 2] });
      child.once("error", (error) => {
        process.stderr.write(`ordermesh: ${program} cannot be run (${error.message})\n`);
        resolve(127);
      });
      child.once("close", (code) => resolve(code ?? 1));
    });
}

/** Runs `work` and checks out a branch again, whatever came of it. */
export async function returningTo(git: Git, branch: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // What went wrong first is what has to be told.
    await git.succeeds("checkout", "--quiet", branch);
    throw error;
  }
  await git.run("checkout", "--quiet", branch);
}
