// `npm run release:feature`: a feature branch into dev.
import { commonHelp, runRelease } from "./release/command.ts";
import { releaseFeature } from "./release/feature.ts";

await runRelease({
  usage: `usage: npm run release:feature -- [--branch NAME] [--no-push] [--smoke COMMAND] [--remote NAME]

Commits the open changes of a feature branch, pushes it, tests it, merges it into dev, tests that and pushes dev. Ends on the
feature branch. Where a step fails, dev is as the remote has it.

  --branch NAME     the feature branch (default: the one that is checked out); never dev or main
  --no-push         nothing leaves this machine
${commonHelp}

Exit codes: 0 done, 1 refused (dev or main, no such branch, open changes on another one), 2 the feature branch cannot be
pushed, 3 its smoke test fails, 4 dev cannot be checked out or pulled, 5 it does not merge, 6 the smoke test fails on dev, 7 dev
cannot be pushed, 64 usage.
`,
  options: { branch: false, "no-push": true },
  async run({ values, git, smoke, say }) {
    const branch = typeof values.branch === "string" ? values.branch : undefined;
    await releaseFeature({ git, branch, push: values["no-push"] !== true, smoke, say });
    say("done");
    return true;
  },
});
