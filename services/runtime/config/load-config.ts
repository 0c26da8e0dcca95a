import { readFileSync } from "node:fs";
import { ConfigError, type Problem } from "./config-error.ts";
import { type ConfigDefinition, type ConfigValues, fileVariable, type Option } from "./option.ts";
import { suggestion } from "./suggestion.ts";

/** What holds between options. */
export interface Rule<D extends ConfigDefinition> {
  /** The options it looks at: while one of them is wrong by itself, the rule has nothing to say. */
  readonly names: readonly string[];
  check(values: ConfigValues<D>): Problem | undefined;
}

export interface LoadOptions<D extends ConfigDefinition> {
  readonly rules?: readonly Rule<D>[];
  /** Every variable that begins with one of these is ours: an unknown one is a problem. */
  readonly prefixes?: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the configuration from environment variables; an empty one counts as unset. Throws one ConfigError with all
 * problems: values that are not allowed, broken rules, and names that look like mistyped ones of ours.
 */
export function loadConfig<D extends ConfigDefinition>(
  definition: D,
  env: Environment,
  { rules = [], prefixes = [] }: LoadOptions<D> = {},
): ConfigValues<D> {
  const problems = unknownNames(definition, env, prefixes);
  const wrong = new Set<string>();
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(definition)) {
    const result = readOption(name, option, env);
    if ("what" in result) {
      problems.push(result);
      wrong.add(name);
    } else {
      values[name] = result.value;
    }
  }
  for (const { names, check } of rules) {
    if (names.some((name) => wrong.has(name))) continue;
    const problem = check(values as ConfigValues<D>);
    if (problem !== undefined) problems.push(problem);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(values) as ConfigValues<D>;
}

function readOption(name: string, option: Option<unknown>, env: Environment): { value: unknown } | Problem {
  const allowed = `allowed: ${option.schema.description}`;
  const text = readText(name, option, env);
  if (typeof text === "object") return text;
  if (text === undefined) return { value: option.default };
  const result = option.schema.safeParse(text);
  if (result.success) return { value: result.data };
  const own = result.error.issues.find((issue) => issue.code === "custom" && issue.message !== "Invalid input");
  const shown = option.secret === undefined ? JSON.stringify(text) : "its value";
  return { name, what: own?.message ?? `${shown} is not valid`, allowed };
}

/** The option's text, from its variable or from the file that `<NAME>_FILE` names. */
function readText(name: string, option: Option<unknown>, env: Environment): string | undefined | Problem {
  const text = env[name] || undefined;
  const fileName = fileVariable(name, option);
  const file = fileName === undefined ? undefined : env[fileName] || undefined;
  if (fileName === undefined || file === undefined) return text;
  if (text !== undefined) return { name, what: `is set, and so is ${fileName}`, allowed: "allowed: one of them" };
  try {
    return readFileSync(file, "utf8").trimEnd() || undefined;
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code;
    return { name: fileName, what: `${file} cannot be read (${why})`, allowed: "allowed: a readable file" };
  }
}

function unknownNames(definition: ConfigDefinition, env: Environment, prefixes: readonly string[]): Problem[] {
  const known = new Set(Object.entries(definition).flatMap(([name, opt]) => [name, fileVariable(name, opt) ?? name]));
  const problems: Problem[] = [];
  for (const name of Object.keys(env)) {
    if (known.has(name) || !env[name]) continue;
    const meant = suggestion(name, known);
    const ours = prefixes.find((prefix) => name.startsWith(prefix));
    if (meant !== undefined) {
      problems.push({ name, what: "is not an option", allowed: `did you mean ${meant}?` });
    } else if (ours !== undefined) {
      const names = [...known].filter((candidate) => candidate.startsWith(ours) && !candidate.endsWith("_FILE"));
      problems.push({ name, what: "is not an option", allowed: `allowed: ${names.join(", ")}` });
    }
  }
  return problems;
}
