import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { delimiter, dirname, join, relative } from "node:path";
import { dockerignore } from "./dockerignore.ts";
import { repository } from "./model.ts";

/** What a Dockerfile makes, as a folder. */
export interface Image {
  /** Stands for `/`. */
  readonly root: string;
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
}

export interface Instruction {
  readonly name: string;
  readonly flags: Readonly<Record<string, string>>;
  readonly words: readonly string[];
  readonly text: string;
}

/** The instructions of the repository's Dockerfile, in order. */
export function readDockerfile(): Instruction[] {
  const lines = readFileSync(join(repository, "Dockerfile"), "utf8").replace(/\\\n/g, " ").split("\n");
  return lines.filter((line) => line.trim() !== "" && !line.startsWith("#")).map(instructionOf);
}

function instructionOf(line: string): Instruction {
  const [, name = "", rest = ""] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
  const [, options = "", text = ""] = /^((?:--\S+\s+)*)(.*)$/.exec(rest) ?? [];
  const flags = Object.fromEntries(
    [...options.matchAll(/--(\w+)=(\S+)/g)].map(([, key = "", value = ""]) => [key, value]),
  );
  return { name, flags, text, words: text.startsWith("[") ? JSON.parse(text) : text.split(/\s+/) };
}

/** Files of the build context, the repository, that the image may see. */
export const isIgnored = dockerignore(readFileSync(join(repository, ".dockerignore"), "utf8"));

/**
 * Carries out the Dockerfile without an engine: every stage is a folder, COPY copies what .dockerignore lets through, and RUN runs in
 * the stage's folder on this machine's Node. Throws with a command's words when it fails.
 */
export function buildImage(directory: string): Image {
  const stages = new Map<string, Image>();
  let stage: Image | undefined;
  for (const instruction of readDockerfile()) {
    const { name, words } = instruction;
    if (name === "ARG") continue;
    if (name === "FROM") {
      const [base = "", , alias = base] = words;
      stage = begin(join(directory, alias), stages.get(base));
    } else {
      if (stage === undefined) throw new Error(`${name} comes before FROM`);
      stage = carryOut(stage, instruction, stages);
    }
    stages.set(stage.root.slice(directory.length + 1), stage);
  }
  if (stage === undefined) throw new Error("the Dockerfile has no stage");
  return stage;
}

function begin(root: string, base: Image | undefined): Image {
  mkdirSync(root);
  if (base !== undefined) cpSync(base.root, root, { recursive: true, verbatimSymlinks: true });
  return { workdir: "/", env: {}, user: "root", entrypoint: [], cmd: [], ...base, root };
}

function carryOut(stage: Image, { name, flags, words, text }: Instruction, stages: ReadonlyMap<string, Image>): Image {
  switch (name) {
    case "WORKDIR":
      mkdirSync(join(stage.root, text), { recursive: true });
      return { ...stage, workdir: text };
    case "ENV":
      return { ...stage, env: { ...stage.env, ...variables(text) } };
    case "USER":
      return { ...stage, user: text };
    case "ENTRYPOINT":
      return { ...stage, entrypoint: words };
    case "CMD":
      return { ...stage, cmd: words };
    case "COPY":
      copy(stage, words, flags.from === undefined ? undefined : stages.get(flags.from));
      return stage;
    case "RUN":
      run(stage, text);
      return stage;
    default:
      throw new Error(`${name} is not known here`);
  }
}

function variables(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/(\w+)=("([^"]*)"|\S+)/g)];
  return Object.fromEntries(pairs.map(([, key = "", value = "", quoted]) => [key, quoted ?? value]));
}

/** Of one folder, its content is copied; a target that ends with `/`, or is one of several sources', is a folder. */
function copy(stage: Image, words: readonly string[], from: Image | undefined): void {
  const sources = words.slice(0, -1);
  const target = words.at(-1) ?? "";
  for (const source of sources) {
    const path = join(from?.root ?? repository, source);
    if (!existsSync(path)) throw new Error(`COPY ${source}: there is no such file`);
    const isFolder = statSync(path).isDirectory();
    const into = join(
      stage.root,
      stage.workdir,
      target,
      !isFolder && target.endsWith("/") ? (source.split("/").at(-1) ?? "") : "",
    );
    mkdirSync(dirname(into), { recursive: true });
    const filter = (file: string) =>
      from !== undefined || file === repository || !isIgnored(relative(repository, file));
    cpSync(path, into, { recursive: true, verbatimSymlinks: true, filter });
  }
}

function run(stage: Image, command: string): void {
  const { status, stdout, stderr } = spawnSync("sh", ["-c", command], {
    cwd: join(stage.root, stage.workdir),
    env: imageEnvironment(stage),
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`RUN ${command} failed:\n${stdout}${stderr}`.slice(0, 4000));
}

/** What a process in the image gets, with this machine's Node and npm cache. */
export function imageEnvironment({ root, env }: Image): NodeJS.ProcessEnv {
  const inside = Object.entries(env).map(([name, value]) => [name, value.replaceAll("/app/", `${root}/app/`)]);
  return {
    ...Object.fromEntries(inside),
    PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
    HOME: process.env.HOME,
    TMPDIR: process.env.TMPDIR,
    npm_config_registry: process.env.npm_config_registry,
    npm_config_userconfig: process.env.npm_config_userconfig,
  };
}

/** Lets others than the owner look below. */
export function openFolder(path: string): void {
  chmodSync(path, 0o711);
}
