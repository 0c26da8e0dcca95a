import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { type Bootstrap, BootstrapSchema } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { type DiscoveryResponse, DiscoveryResponseSchema } from "../gen/envoy/service/discovery/v3/discovery_pb.js";
import { envoyTypes } from "../types.ts";
import { checkRules } from "../validate/check-rules.ts";
import { readConfig } from "../validate/config.ts";
import type { Problem } from "../validate/problem.ts";
import { UsageError } from "./command.ts";
import { type ConfigModule, isSnapshotResources, messagesOf } from "./config-module.ts";

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
  readonly problems: readonly (Problem & { readonly file: string })[];
  /** All that a control plane would serve together is here, as in a folder or a module. */
  readonly isWhole: boolean;
}

const moduleExtensions = [".ts", ".mts", ".js", ".mjs"];
const textExtensions = [".yaml", ".yml", ".json"];

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

async function readFolder(folder: string): Promise<Input> {
  const names = (await readdir(folder, { recursive: true })).sort();
  const files = names.filter((name) => textExtensions.includes(extname(name)) && !/(^|[\\/])\./.test(name));
  if (files.length === 0) throw new UsageError(`${folder}: no ${textExtensions.join(", ")} file in it`);
  const inputs = await Promise.all(files.map((file) => readText(join(folder, file))));
  return {
    bootstrap: inputs.find(({ bootstrap }) => bootstrap !== undefined)?.bootstrap,
    resources: inputs.flatMap(({ resources }) => resources),
    problems: inputs.flatMap(({ problems }) => problems),
    isWhole: true,
  };
}

async function readText(file: string): Promise<Input> {
  const { schema, message, problems } = readConfig(await readFile(file, "utf8"));
  const located = problems.map((problem) => ({ ...problem, file }));
  if (message === undefined) return { resources: [], problems: located, isWhole: false };
  const rest = { problems: located, isWhole: false };
  if (schema === BootstrapSchema) return { bootstrap: message as Bootstrap, resources: [], ...rest };
  const isList = schema === DiscoveryResponseSchema;
  return { resources: isList ? unpack(message as DiscoveryResponse) : [{ schema, message }], ...rest };
}

function unpack(response: DiscoveryResponse): readonly InputMessage[] {
  return response.resources.flatMap((any) => {
    const message = anyUnpack(any, envoyTypes);
    return message === undefined ? [] : withSchema(message);
  });
}

async function readModule(file: string): Promise<Input> {
  const module: ConfigModule = await import(pathToFileURL(resolve(file)).href);
  const [bootstrap, resources] = await Promise.all([resolved(module.bootstrap), resolved(module.resources)]);
  if (bootstrap === undefined && resources === undefined) {
    throw new UsageError(`${file}: exports neither "bootstrap" nor "resources"`);
  }
  if (bootstrap !== undefined && bootstrap.$typeName !== BootstrapSchema.typeName) {
    throw new UsageError(`${file}: "bootstrap" is not what bootstrap() builds`);
  }
  if (resources !== undefined && !isSnapshotResources(resources)) {
    throw new UsageError(`${file}: "resources" must hold lists: listeners, routes, clusters, endpoints, secrets`);
  }
  const messages = resources === undefined ? [] : messagesOf(resources).flatMap(withSchema);
  const built = bootstrap === undefined ? messages : [{ schema: BootstrapSchema, message: bootstrap }, ...messages];
  const problems = built.flatMap(({ schema, message }) => checkRules(schema, message));
  return { bootstrap, resources: messages, problems: problems.map((problem) => ({ ...problem, file })), isWhole: true };
}

async function resolved<T>(value: T | (() => T | Promise<T>) | undefined): Promise<T | undefined> {
  return typeof value === "function" ? (value as () => T | Promise<T>)() : value;
}

function withSchema(message: Message): readonly InputMessage[] {
  const schema = envoyTypes.getMessage(message.$typeName);
  return schema === undefined ? [] : [{ schema, message }];
}
