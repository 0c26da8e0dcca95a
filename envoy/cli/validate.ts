import { envoyBinary, howToGetEnvoy } from "../binary.ts";
import { bootstrap } from "../builders/bootstrap.ts";
import { staticConfig } from "../render/static-config.ts";
import { askEnvoy, askEnvoyFile, type EnvoyVerdict } from "../validate/envoy.ts";
import { formatProblem, hasErrors } from "../validate/problem.ts";
import { createSnapshot } from "../xds/snapshot.ts";
import { type Command, readArguments, UsageError } from "./command.ts";
import { resourceSchemas, resourcesOf } from "./config-module.ts";
import { type Found, type Input, readInput } from "./input.ts";

export const validate: Command = {
  summary: "check configurations, by their fields, by Envoy's rules and by Envoy itself",
  help: `usage: envoy-config validate FILE|FOLDER|MODULE... [--envoy PATH | --no-envoy] [--json]

Checks that every field exists and has a value of its kind, also within extensions; that the rules
of Envoy's protos hold; and asks "envoy --mode validate" where there is an Envoy. Reports all problems at once.
What a file is, it says itself: a bootstrap, or resources with "@type", alone or as a list under "resources".

  --envoy PATH  this Envoy (default: ENVOY_BIN, else the one on the PATH)
  --no-envoy    do not ask Envoy
  --json        problems as a JSON list

exit codes: 0 valid (there may be warnings), 1 invalid, 2 wrong usage`,

  async run(args, output) {
    const { values, positionals } = readArguments(args, {
      envoy: { type: "string" },
      "no-envoy": { type: "boolean" },
      json: { type: "boolean" },
    });
    if (positionals.length === 0) throw new UsageError("validate takes one file, folder or module, or several");
    if (values.envoy !== undefined && values["no-envoy"]) throw new UsageError("either --envoy or --no-envoy");
    const binary = values["no-envoy"] ? undefined : (values.envoy ?? envoyBinary());
    const found: Found[] = [];
    let wasAsked = false;
    for (const path of positionals) {
      const input = await readInput(path);
      const problems = [...input.problems, ...(hasErrors(input.problems) ? [] : referenceProblems(path, input))];
      const verdict = binary === undefined || hasErrors(problems) ? undefined : await ask(binary, input);
      if (verdict !== undefined) problems.push(...envoyProblems(path, verdict));
      wasAsked ||= verdict !== undefined;
      found.push(...problems);
    }
    const isInvalid = hasErrors(found);
    if (values.json) output.out(`${JSON.stringify(found, undefined, 2)}\n`);
    else {
      for (const problem of found) output.out(`${formatProblem(problem, problem.file)}\n`);
      if (!isInvalid) output.out(`valid${wasAsked ? ", and taken by Envoy" : ""}: ${positionals.join(", ")}\n`);
    }
    if (binary === undefined && !values["no-envoy"]) output.err(`Envoy itself was not asked: ${howToGetEnvoy}\n`);
    return isInvalid ? 1 : 0;
  },
};

/** Resources that refer to others which are not there, which Envoy would wait for, or that are there twice. */
function referenceProblems(file: string, { resources, isWhole, isComplete }: Input): readonly Found[] {
  if (!isWhole || !isComplete || resources.length === 0) return [];
  const others = resources.filter(({ schema }) => !resourceSchemas.includes(schema));
  if (others.length > 0) {
    const text = (type: string) => `${type} is nothing that a control plane serves`;
    return others.map(({ schema }) => ({ severity: "error", path: [], message: text(schema.typeName), file }));
  }
  try {
    return createSnapshot(resourcesOf(resources))
      .inconsistencies()
      .map(({ kind, text }) => ({ severity: kind === "missing" ? "error" : "warning", path: [], message: text, file }));
  } catch (error) {
    return [{ severity: "error", path: [], message: error instanceof Error ? error.message : String(error), file }];
  }
}

/** Undefined where there is nothing that Envoy could start with. A file goes to Envoy as it is. */
function ask(binary: string, { bootstrap: given, resources, isWhole, isComplete, bootstrapFile }: Input) {
  if (bootstrapFile !== undefined) return askEnvoyFile(binary, bootstrapFile);
  if (!isWhole || !isComplete) return undefined;
  const start = given ?? bootstrap({ node: { id: "envoy-config", cluster: "validate" }, admin: { port: 0 } });
  return askEnvoy(binary, resources.length === 0 ? start : staticConfig(start, resourcesOf(resources)));
}

function envoyProblems(file: string, verdict: EnvoyVerdict): readonly Found[] {
  const severity = verdict.accepted ? "warning" : "error";
  const messages = verdict.accepted ? verdict.warnings : verdict.errors;
  return messages.map((message) => ({ severity, path: [], message: `Envoy: ${message}`, file }));
}
