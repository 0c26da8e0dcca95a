import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { create, type DescMessage, type Message, type MessageShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type Bootstrap, BootstrapSchema } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { DiscoveryResponseSchema } from "../gen/envoy/service/discovery/v3/discovery_pb.js";
import { renderJson, renderYaml } from "../render/render.ts";
import { staticConfig } from "../render/static-config.ts";
import { formatProblem, hasErrors } from "../validate/problem.ts";
import { type Command, readArguments, UsageError } from "./command.ts";
import { resourceSchemas, resourcesOf } from "./config-module.ts";
import { type Input, type InputMessage, readCompleteInput } from "./input.ts";

export const render: Command = {
  summary: "write a configuration as YAML or JSON",
  help: `usage: envoy-config render MODULE|FILE [--static] [--format yaml|json] [--out FOLDER]

Writes the bootstrap to standard output. MODULE is a TypeScript or JavaScript module that exports
"bootstrap" and, for a control plane, "resources" (values or functions); FILE is YAML or JSON.

  --static         one configuration without a control plane: the resources become part of the bootstrap
  --format FORMAT  yaml (default) or json
  --out FOLDER     writes bootstrap and resources as files into FOLDER, in place of those of an earlier run; its part
                   "resources" is what "serve" serves

exit codes: 0 written, 1 invalid configuration (nothing is written), 2 wrong usage`,

  async run(args, output) {
    const { values, positionals } = readArguments(args, {
      static: { type: "boolean" },
      format: { type: "string" },
      out: { type: "string" },
    });
    const [path, ...more] = positionals;
    if (path === undefined || more.length > 0) throw new UsageError("render takes one module or file");
    const format = formatOf(values.format);
    const input = await readCompleteInput(path);
    for (const problem of input.problems) output.err(`${formatProblem(problem, problem.file)}\n`);
    if (hasErrors(input.problems)) return 1;
    const whole = values.static ? { bootstrap: staticBootstrap(path, input), resources: [] } : input;
    if (values.out !== undefined) {
      try {
        for (const file of await writeFiles(values.out, whole, format)) output.out(`${file}\n`);
        return 0;
      } catch (error) {
        if (!(error instanceof Error && "code" in error)) throw error;
        throw new UsageError(`cannot write into ${values.out}: ${error.message}`);
      }
    }
    if (whole.bootstrap === undefined) throw new UsageError(`${path} has no bootstrap; --out writes its resources`);
    output.out(format.write(BootstrapSchema, whole.bootstrap));
    return 0;
  },
};

interface Format {
  readonly extension: string;
  readonly write: <Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>) => string;
}

function formatOf(name = "yaml"): Format {
  if (name === "yaml") return { extension: "yaml", write: renderYaml };
  if (name === "json") return { extension: "json", write: renderJson };
  throw new UsageError(`--format is yaml or json, not ${name}`);
}

function staticBootstrap(path: string, { bootstrap, resources }: Input): Bootstrap {
  if (bootstrap === undefined) throw new UsageError(`${path} has no bootstrap to put the resources into`);
  return staticConfig(bootstrap, resourcesOf(resources));
}

/** Returns the files' paths. Only their owner may read them: a configuration may hold keys. */
async function writeFiles(folder: string, input: Pick<Input, "bootstrap" | "resources">, format: Format) {
  const files = new Map<string, string>();
  if (input.bootstrap !== undefined) {
    files.set(join(folder, `bootstrap.${format.extension}`), format.write(BootstrapSchema, input.bootstrap));
  }
  for (const [type, messages] of Map.groupBy(input.resources, ({ schema }) => schema)) {
    const file = join(folder, "resources", `${fileName(type)}.${format.extension}`);
    files.set(file, format.write(DiscoveryResponseSchema, listOf(messages)));
  }
  for (const [file, text] of files) await replaceFile(file, text);
  const stale = ownFiles(folder).filter((file) => !files.has(file));
  await Promise.all(stale.map((file) => rm(file, { force: true })));
  return [...files.keys()];
}

/** Every file that this command writes at some time: those of an earlier run that are no longer right have to go. */
function ownFiles(folder: string): readonly string[] {
  const names = ["bootstrap", ...resourceSchemas.map((schema) => join("resources", fileName(schema)))];
  return names.flatMap((name) => ["yaml", "json"].map((extension) => join(folder, `${name}.${extension}`)));
}

/** ClusterLoadAssignment: cluster-load-assignment. */
function fileName({ name }: DescMessage): string {
  return name.replace(/([a-z])([A-Z])/g, "$1-$2").toLowerCase();
}

/** At once: a control plane that follows the folder never reads half a file. */
async function replaceFile(file: string, text: string): Promise<void> {
  await makeFolder(dirname(file));
  const temporary = join(dirname(file), `.${basename(file)}.${process.pid}`);
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, file);
}

/** With those above it. Node's own `recursive` never returns where a file system refuses with ENOENT (/proc). */
async function makeFolder(folder: string): Promise<void> {
  if (existsSync(folder)) return;
  await makeFolder(dirname(folder));
  await mkdir(folder);
}

function listOf(messages: readonly InputMessage[]) {
  const pack = ({ schema, message }: InputMessage) => anyPack(schema, message as Message);
  return create(DiscoveryResponseSchema, { resources: messages.map(pack) });
}
