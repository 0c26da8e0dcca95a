import { readFile, stat } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type DescMessage, isMessage, type Message } from "@bufbuild/protobuf";
import { type Bootstrap, BootstrapSchema } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { envoyTypes } from "../types.ts";
import { checkRules } from "../validate/check-rules.ts";
import { readConfig } from "../validate/config.ts";
import { configExtensions, configFiles, resourcesIn } from "../validate/files.ts";
import { hasErrors, type Problem } from "../validate/problem.ts";
import { resourceName } from "../xds/snapshot.ts";
import { UsageError } from "./command.ts";
import { type ConfigModule, messagesOf, resourcesProblem } from "./config-module.ts";

/** One message of a configuration. */
export interface InputMessage {
  readonly schema: DescMessage;
  readonly message: Message;
}

/** What a file, folder or module says. */
export interface Input {
  readonly bootstrap?: Bootstrap;
  /** Listeners, clusters and so on beside the bootstrap. */
  readonly resources: readonly InputMessage[];
  readonly problems: readonly Found[];
  /** All that a control plane would serve together is here, as in a folder or a module. */
  readonly isWhole: boolean;
  /** Holds nothing beside `bootstrap` and `resources`, such as extensions whose types are unknown. */
  readonly isComplete: boolean;
  /** A file that Envoy itself can be given: a bootstrap by itself. */
  readonly bootstrapFile?: string;
}

export type Found = Problem & { readonly file: string };

const moduleExtensions = [".ts", ".mts", ".js", ".mjs"];

/**
 * Reads a YAML or JSON file, all such files of a folder, or a module (`ConfigModule`). Throws UsageError for a path that is
 * none of them.
 */
export async function readInput(path: string): Promise<Input> {
  const kind = await stat(path).catch(() => undefined);
  if (kind === undefined) throw new UsageError(`${path}: no such file or folder`);
  if (kind.isDirectory()) return readFolder(path);
  return moduleExtensions.includes(extname(path)) ? readModule(path) : readText(path);
}

/** As `readInput`, for commands that write out or compare all there is: what is not complete has an error. */
export async function readCompleteInput(path: string): Promise<Input> {
  const input = await readInput(path);
  if (input.isComplete || hasErrors(input.problems)) return input;
  const message = "holds extensions of unknown types: validate can pass them over, other commands cannot";
  return { ...input, problems: [...input.problems, { severity: "error", path: [], message, file: path }] };
}

async function readFolder(folder: string): Promise<Input> {
  const files = await configFiles(folder);
  if (files.length === 0) throw new UsageError(`${folder}: no ${configExtensions.join(", ")} file in it`);
  const inputs = await Promise.all(files.map((file) => readText(join(folder, file))));
  const [bootstrap, ...more] = inputs.flatMap((input) => input.bootstrap ?? []);
  if (more.length > 0) throw new UsageError(`${folder}: holds more than one bootstrap`);
  return {
    bootstrap,
    resources: inputs.flatMap(({ resources }) => resources),
    problems: inputs.flatMap(({ problems }) => problems),
    isWhole: true,
    isComplete: inputs.every(({ isComplete }) => isComplete),
  };
}

async function readText(file: string): Promise<Input> {
  const { schema, message, problems: found } = readConfig(await readFile(file));
  const problems = found.map((problem) => ({ ...problem, file }));
  const bootstrapFile = schema === BootstrapSchema ? file : undefined;
  const rest = { problems, bootstrapFile, isWhole: false, isComplete: message !== undefined };
  if (message === undefined) return { resources: [], ...rest };
  if (schema === BootstrapSchema) return { bootstrap: message as Bootstrap, resources: [], ...rest };
  return { resources: resourcesIn(message).flatMap(withSchema), ...rest };
}

async function readModule(file: string): Promise<Input> {
  const { bootstrap, resources } = await loadModule(file).catch((error: unknown) => {
    throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  });
  if (bootstrap === undefined && resources === undefined) {
    throw new UsageError(`${file}: exports neither "bootstrap" nor "resources"`);
  }
  if (bootstrap !== undefined && !isMessage(bootstrap, BootstrapSchema)) {
    throw new UsageError(`${file}: "bootstrap" is not what bootstrap() builds`);
  }
  const problem = resources === undefined ? undefined : resourcesProblem(resources);
  if (problem !== undefined) throw new UsageError(`${file}: "resources" ${problem}`);
  const messages = resources === undefined ? [] : messagesOf(resources).flatMap(withSchema);
  const built = bootstrap === undefined ? messages : [{ schema: BootstrapSchema, message: bootstrap }, ...messages];
  const problems = built.flatMap((one) => builtProblems(one, file));
  return { bootstrap, resources: messages, problems, isWhole: true, isComplete: true };
}

async function loadModule(file: string) {
  const module: ConfigModule = await import(pathToFileURL(resolve(file)).href);
  return { bootstrap: await resolved(module.bootstrap), resources: await resolved(module.resources) };
}

/** Under the resource's type and name: a module has no lines. */
function builtProblems({ schema, message }: InputMessage, file: string): readonly Found[] {
  const name = resourceName(message);
  const top = name === undefined ? [] : [schema.name, name];
  return checkRules(schema, message).map((problem) => ({ ...problem, path: [...top, ...problem.path], file }));
}

async function resolved<T>(value: T | (() => T | Promise<T>) | undefined): Promise<T | undefined> {
  return typeof value === "function" ? (value as () => T | Promise<T>)() : value;
}

function withSchema(message: Message): readonly InputMessage[] {
  const schema = envoyTypes.getMessage(message.$typeName);
  return schema === undefined ? [] : [{ schema, message }];
}
