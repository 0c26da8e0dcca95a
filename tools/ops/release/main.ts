import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Git } from "./git.ts";
import { ReleaseFailure, returningTo, type Say, type Smoke, step } from "./step.ts";

/** What `release:main` ends with (docs/contracts/ecommerce-platform.md, section 5); a failed smoke test with its own code. */
export const mainExitCodes = { refused: 1, merge: 2, push: 4 } as const;

export interface MainOptions {
  readonly git: Git;
  readonly smoke: Smoke;
  readonly say: Say;
}

/**
 * Brings dev into main: smoke-tests an up-to-date dev, merges it into an up-to-date main, smoke-tests that, and only then
 * pushes it. A failure leaves main as it was after the pull. Ends on the branch that was checked out. Throws ReleaseFailure.
 */
export async function releaseMain({ git, smoke, say }: MainOptions): Promise<void> {
  const codes = mainExitCodes;
  await requireClean(git);
  const start = (await git.branch()) || (await git.commit());
  await returningTo(git, start, async () => {
    await update(git, "dev");
    await requireSmoke(smoke, git, say, "dev");
    await update(git, "main");
    const before = await git.commit();
    say("merging dev into main");
    await merge(git);
    try {
      await requireSmoke(smoke, git, say, "main");
      say("pushing main");
      await step(codes.push, "main cannot be pushed", () => git.run("push", git.remote, "main"));
    } catch (error) {
      // Nobody has seen the merge: it goes without a trace.
      await git.run("reset", "--quiet", "--hard", before);
      throw error;
    }
  });
}

/**
 * Whether the release could be made, in a clone that goes again: neither the user's repository nor the remote changes. No
 * smoke test runs. Throws ReleaseFailure.
 */
export async function rehearseMain({ git, say }: Pick<MainOptions, "git" | "say">): Promise<void> {
  const codes = mainExitCodes;
  await requireClean(git);
  const folder = mkdtempSync(join(tmpdir(), "ordermesh-release-"));
  const clone = new Git(join(folder, "clone"), git.remote);
  try {
    await step(codes.refused, "the rehearsal cannot be prepared", async () => {
      const url = await git.run("remote", "get-url", git.remote);
      await git.run(
        "clone",
        "--quiet",
        "--no-local",
        "--no-checkout",
        "--origin",
        git.remote,
        git.directory,
        clone.directory,
      );
      // The branches as they are here; one that is not here yet comes from the remote.
      for (const branch of ["dev", "main"]) await clone.succeeds("branch", branch, `${git.remote}/${branch}`);
      // An address may be a path from here.
      await clone.run("remote", "set-url", git.remote, isPath(git, url) ? resolve(git.directory, url) : url);
      await clone.run("fetch", "--quiet", git.remote);
    });
    for (const branch of ["dev", "main"]) await update(clone, branch);
    await merge(clone, "--no-commit");
    const commits = await clone.run("log", "--oneline", "main..dev");
    say(commits === "" ? "main has all of dev: there is nothing to release" : `this would be released:\n${commits}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isPath({ directory }: Git, url: string): boolean {
  return existsSync(resolve(directory, url));
}

async function requireClean(git: Git): Promise<void> {
  if (!(await step(mainExitCodes.refused, "this is no work tree", () => git.isDirty()))) return;
  throw new ReleaseFailure(mainExitCodes.refused, "there are open changes: commit or stash them first");
}

async function update(git: Git, branch: string): Promise<void> {
  await step(mainExitCodes.refused, `${branch} cannot be brought up to date`, async () => {
    await git.run("checkout", "--quiet", branch);
    await git.pull(branch);
  });
}

async function merge(git: Git, ...options: string[]): Promise<void> {
  await step(mainExitCodes.merge, "dev does not merge into main", async () => {
    try {
      await git.run("merge", "--no-ff", "--no-edit", "--quiet", ...options, "dev");
    } catch (error) {
      await git.succeeds("merge", "--abort");
      throw error;
    }
  });
}

async function requireSmoke(smoke: Smoke, git: Git, say: Say, branch: string): Promise<void> {
  say(`smoke test of ${branch}`);
  const code = await smoke(git.directory);
  if (code !== 0) throw new ReleaseFailure(code, `the smoke test fails on ${branch}: nothing was pushed`);
}
