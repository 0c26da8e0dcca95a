import { parseArgs } from "node:util";

export interface Arguments {
  /** None means all. */
  readonly suites: readonly string[];
  readonly quick: boolean;
  readonly help: boolean;
  /** Where the result goes beside standard output. */
  readonly json?: string;
  readonly rounds?: number;
}

export const usage = `npm run bench [-- SUITE...] [--quick] [--json FILE] [--rounds N]

Runs the named suites, or all, and holds them against their marks; exit code 0 means that every mark holds.
A full run writes bench/results/SUITE.json and bench/results/README.md.

  --quick      few and short rounds in one layout: under a minute a suite, written nowhere
  --json FILE  writes the result of the one named suite to FILE
  --rounds N   rounds of each contender
`;

/** Throws an Error that says what is wrong, for the person at the command line. */
export function parseArguments(args: readonly string[], known: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      json: { type: "string" },
      rounds: { type: "string" },
    },
  });
  for (const name of positionals) {
    if (!known.includes(name)) throw new Error(`there is no suite "${name}": there are ${known.join(", ")}`);
  }
  if (values.json !== undefined && positionals.length !== 1) throw new Error("--json needs exactly one suite");
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
    throw new Error(`--rounds must be a whole number above 0, not "${values.rounds}"`);
  }
  return { ...values, suites: positionals, rounds };
}
