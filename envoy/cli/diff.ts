import type { JsonValue } from "@bufbuild/protobuf";
import { diff as differences, type ResourceDifference } from "../diff/diff.ts";
import { pathText } from "../validate/path.ts";
import { formatProblem, hasErrors } from "../validate/problem.ts";
import { type Command, readArguments, UsageError } from "./command.ts";
import { readCompleteInput } from "./input.ts";

export const diff: Command = {
  summary: "show what differs between two configurations, by resource and field",
  help: `usage: envoy-config diff BEFORE AFTER [--json]

BEFORE and AFTER are files, folders or modules. Compares what the configurations mean: the order of
resources and keys, YAML or JSON, the spelling of field names do not matter; the order of routes does.

exit codes: 0 no difference, 1 differences or an invalid configuration, 2 wrong usage`,

  async run(args, output) {
    const { values, positionals } = readArguments(args, { json: { type: "boolean" } });
    const [before, after, ...more] = positionals;
    if (before === undefined || after === undefined || more.length > 0) {
      throw new UsageError("diff takes two files, folders or modules");
    }
    const [old, current] = await Promise.all([readCompleteInput(before), readCompleteInput(after)]);
    const errors = [...old.problems, ...current.problems].filter(({ severity }) => severity === "error");
    for (const problem of errors) output.err(`${formatProblem(problem, problem.file)}\n`);
    if (hasErrors(errors)) return 1;
    const found = differences(old, current);
    if (values.json) output.out(`${JSON.stringify(found, undefined, 2)}\n`);
    else for (const line of found.flatMap(lines)) output.out(`${line}\n`);
    return found.length === 0 ? 0 : 1;
  },
};

const signs = { added: "+", removed: "-", changed: "~" };

function lines({ type, name, kind, changes }: ResourceDifference): readonly string[] {
  const details = changes.map(({ path, before, after }) => `    ${pathText(path)}: ${text(before)} -> ${text(after)}`);
  return [`${signs[kind]} ${[type, name].filter((word) => word !== "").join(" ")}`, ...details];
}

/** A whole route table on one line helps nobody; `--json` has all of it. */
const longest = 160;

function text(value: JsonValue | undefined): string {
  if (value === undefined) return "(none)";
  const json = JSON.stringify(value);
  return json.length > longest ? `${json.slice(0, longest)}...` : json;
}
