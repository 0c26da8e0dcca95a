// `npm run release:main`: dev into main.
import { commonHelp, runRelease } from "./release/command.ts";
import { rehearseMain, releaseMain } from "./release/main.ts";

await runRelease({
  usage: `usage: npm run release:main -- --dry-run | --run-now [--smoke COMMAND] [--remote NAME]

Tests dev, merges it into main, tests that and pushes main. Ends on the branch that was checked out. Where a step fails, main is
as the remote has it.

  --dry-run         tells whether it would merge, and what would be released; changes nothing and runs no smoke test
  --run-now         does it
${commonHelp}

Exit codes: 0 done, 1 refused (open changes, dev or main cannot be pulled), 2 dev does not merge into main, 4 main cannot be
pushed, 64 usage; a failed smoke test ends with its own.
`,
  options: { "dry-run": true, "run-now": true },
  async run({ values, git, smoke, say }) {
    if (values["dry-run"] === values["run-now"]) return false;
    if (values["dry-run"] === true) await rehearseMain({ git, say });
    else await releaseMain({ git, smoke, say });
    say("done");
    return true;
  },
});
