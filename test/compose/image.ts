import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
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

/** Where built stages are kept, as an engine keeps its layers: those of npm take a minute. */
const cache = join(repository, ".cache/image");

/**
 * Carries out the Dockerfile without an engine: every stage is a folder, COPY copies what .dockerignore lets through, and RUN runs in
 * the stage's folder on this machine's Node. A stage is kept until something that it is made from changes. Throws with a command's
 * words when it fails.
 */
export function buildImage(): Image {
  const stages = new Map<string, Stage>();
  let last: Stage | undefined;
  for (const { base, name, instructions } of stagesOf(readDockerfile())) {
    const key = keyOf(stages.get(base)?.key ?? base, instructions, stages);
    last = { ...buildStage(`${name}-${key.slice(0, 16)}`, stages.get(base), instructions, stages), key };
    stages.set(name, last);
  }
  if (last === undefined) throw new Error("the Dockerfile has no stage");
  const kept = new Set([...stages.values()].map(({ root }) => root));
  for (const entry of readdirSync(cache)) {
    if (!kept.has(join(cache, entry))) rmSync(join(cache, entry), { recursive: true, force: true });
  }
  return last;
}

interface Stage extends Image {
  /** Hash of all that it is made from. */
  readonly key: string;
}

function stagesOf(all: readonly Instruction[]) {
  const stages: { base: string; name: string; instructions: Instruction[] }[] = [];
  for (const instruction of all) {
    const [base = "", , name = base] = instruction.words;
    if (instruction.name === "FROM") stages.push({ base, name, instructions: [] });
    else if (instruction.name !== "ARG") stages.at(-1)?.instructions.push(instruction);
  }
  return stages;
}

function keyOf(base: string, instructions: readonly Instruction[], stages: ReadonlyMap<string, Stage>): string {
  const hash = createHash("sha256").update(`${process.version} ${process.arch} ${base}`);
  for (const { name, flags, text, words } of instructions) {
    hash.update(`\n${name} ${JSON.stringify(flags)} ${text}`);
    if (name !== "COPY") continue;
    if (flags.from !== undefined) hash.update(stages.get(flags.from)?.key ?? "");
    else
      for (const file of words.slice(0, -1).flatMap(filesBelow))
        hash.update(`${file}\n`).update(readFileSync(join(repository, file)));
  }
  return hash.digest("hex");
}

/** The files of the build context at a path. */
function filesBelow(path: string): string[] {
  const whole = join(repository, path);
  if (!existsSync(whole)) throw new Error(`COPY ${path}: there is no such file`);
  if (!statSync(whole).isDirectory()) return [path];
  const entries = readdirSync(whole)
    .sort()
    .map((entry) => `${path}/${entry}`);
  return entries.filter((entry) => !isIgnored(entry)).flatMap(filesBelow);
}

function buildStage(
  folder: string,
  base: Image | undefined,
  instructions: readonly Instruction[],
  stages: ReadonlyMap<string, Image>,
): Image {
  const root = join(cache, folder);
  // The last thing that is written: without it somebody stopped half-way.
  const mark = join(root, ".built");
  const isBuilt = existsSync(mark);
  if (!isBuilt) {
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root, { recursive: true });
    if (base !== undefined) cpSync(base.root, root, { recursive: true, verbatimSymlinks: true });
    rmSync(mark, { force: true });
  }
  let stage: Image = { workdir: "/", env: {}, user: "root", entrypoint: [], cmd: [], ...base, root };
  for (const instruction of instructions) stage = carryOut(stage, instruction, stages, isBuilt);
  if (!isBuilt) writeFileSync(mark, "");
  return stage;
}

/** With `isBuilt`, only what the instruction says about the image. */
function carryOut(
  stage: Image,
  { name, flags, words, text }: Instruction,
  stages: ReadonlyMap<string, Image>,
  isBuilt: boolean,
): Image {
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
      if (!isBuilt) copy(stage, words, flags.from === undefined ? undefined : stages.get(flags.from));
      return stage;
    case "RUN":
      if (!isBuilt) run(stage, text);
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
