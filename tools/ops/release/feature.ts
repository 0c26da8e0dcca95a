import type { Git } from "./git.ts";
import { ReleaseFailure, returningTo, type Say, type Smoke, step } from "./step.ts";

/** Branches that only releases change. */
export const protectedBranches: readonly string[] = ["dev", "main"];

/** What `release:feature` ends with (docs/contracts/ecommerce-platform.md, section 5). */
export const featureExitCodes = {
  refused: 1,
  pushFeature: 2,
  smoke: 3,
  dev: 4,
  merge: 5,
  smokeDev: 6,
  pushDev: 7,
} as const;

export interface FeatureOptions {
  readonly git: Git;
  /** Undefined: the one that is checked out. */
  readonly branch: string | undefined;
  readonly push: boolean;
  readonly smoke: Smoke;
  readonly say: Say;
}

/**
 * Brings a feature branch into dev: commits what is open, pushes it, smoke-tests it, merges it into an up-to-date dev,
 * smoke-tests that and pushes it. A failure leaves dev as it was after the pull. Ends on the feature branch. Throws
 * ReleaseFailure.
 */
export async function releaseFeature({ git, branch, push, smoke, say }: FeatureOptions): Promise<void> {
  const codes = featureExitCodes;
  const current = await step(codes.refused, "this is no work tree", () => git.branch());
  const feature = branch ?? current;
  if (feature === "") throw new ReleaseFailure(codes.refused, "no branch is checked out: name one");
  if (protectedBranches.includes(feature)) throw new ReleaseFailure(codes.refused, `${feature} is no feature branch`);
  await step(codes.refused, `${feature} cannot be taken`, async () => {
    // Open changes belong to the branch that they were made on.
    if (feature !== current && (await git.isDirty()))
      throw new Error(`commit or stash the changes on ${current || "HEAD"} first`);
    await git.commit(`refs/heads/${feature}`);
    if (feature !== current) await git.run("checkout", "--quiet", feature);
    if (!(await git.isDirty())) return;
    say(`committing the open changes on ${feature}`);
    await git.run("add", "--all");
    await git.run("commit", "--quiet", "--message", `chore: save open changes of ${feature}`);
  });
  if (push) {
    say(`pushing ${feature}`);
    await step(codes.pushFeature, `${feature} cannot be pushed`, () =>
      git.run("push", "--set-upstream", git.remote, feature),
    );
  }
  say(`smoke test of ${feature}`);
  if ((await smoke(git.directory)) !== 0) throw new ReleaseFailure(codes.smoke, `the smoke test fails on ${feature}`);
  await returningTo(git, feature, () => intoDev({ git, push, smoke, say }, feature));
}

async function intoDev({ git, push, smoke, say }: Omit<FeatureOptions, "branch">, feature: string): Promise<void> {
  const codes = featureExitCodes;
  const before = await step(codes.dev, "dev cannot be brought up to date", async () => {
    await git.run("checkout", "--quiet", "dev");
    await git.pull("dev");
    return await git.commit();
  });
  say(`merging ${feature} into dev`);
  await step(codes.merge, `${feature} does not merge into dev`, async () => {
    try {
      await git.run("merge", "--no-ff", "--no-edit", "--quiet", feature);
    } catch (error) {
      await git.succeeds("merge", "--abort");
      throw error;
    }
  });
  try {
    say("smoke test of dev");
    if ((await smoke(git.directory)) !== 0)
      throw new ReleaseFailure(codes.smokeDev, `the smoke test fails on dev with ${feature}`);
    if (!push) return;
    say("pushing dev");
    await step(codes.pushDev, "dev cannot be pushed", () => git.run("push", git.remote, "dev"));
  } catch (error) {
    // Nobody has seen the merge: it goes without a trace.
    await git.run("reset", "--quiet", "--hard", before);
    throw error;
  }
}
