import { globSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { parseSync } from "oxc-parser";

/** One import or re-export, static or dynamic; see ImportRule for the names of both ends. */
export interface Import {
  readonly from: string;
  readonly to: string;
  /** True where nothing of it is left at run time. */
  readonly typesOnly: boolean;
}

const sources = ["{services,gateway,envoy,deploy,tools,test,bench}/**/*.{ts,mjs}", "proto/*.ts", "*.ts"];

/** Every import of the repository at `root`. Throws for a file that does not parse. */
export function readImports(root: string): Import[] {
  const workspaces = readWorkspaces(root);
  const files = globSync(sources, { cwd: root, exclude: (path) => /(^|\/)node_modules$|\.d\.ts$/.test(path) });
  return files.sort().flatMap((from) => {
    const requests = requestsOf(from, readFileSync(join(root, from), "utf8"));
    return requests.map(({ specifier, typesOnly }) => ({ from, to: resolve(specifier, from, workspaces), typesOnly }));
  });
}

interface Request {
  specifier: string;
  typesOnly: boolean;
}

function requestsOf(file: string, text: string): Request[] {
  const { module, errors } = parseSync(file, text);
  if (errors[0] !== undefined) throw new Error(`${file}: ${errors[0].message}`);
  const imports = module.staticImports.map(({ moduleRequest, entries }) => ({
    specifier: moduleRequest.value,
    typesOnly: entries.length > 0 && entries.every((entry) => entry.isType),
  }));
  const exports = module.staticExports
    .flatMap(({ entries }) => entries)
    .map(({ moduleRequest, isType }) => ({ specifier: moduleRequest?.value, typesOnly: isType }));
  // A computed name cannot be checked: what stands between the quotes of a literal one can.
  const dynamic = module.dynamicImports.map(({ moduleRequest: { start, end } }) => ({
    specifier: literal(text.slice(start, end)),
    typesOnly: false,
  }));
  return [...imports, ...exports, ...dynamic].filter((request): request is Request => request.specifier !== undefined);
}

function literal(expression: string): string | undefined {
  return /^(["'`])([^"'`$]+)\1$/.exec(expression)?.[2];
}

/** Folder of every workspace package by its name. */
function readWorkspaces(root: string): Map<string, string> {
  const { workspaces } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { workspaces: string[] };
  const nameOf = (folder: string) => {
    const { name } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as { name: string };
    return name;
  };
  return new Map(workspaces.map((folder) => [nameOf(folder), folder]));
}

function resolve(specifier: string, from: string, workspaces: ReadonlyMap<string, string>): string {
  if (specifier.startsWith(".")) return posix.join(dirname(from), specifier);
  if (specifier.startsWith("node:")) return specifier;
  for (const [name, folder] of workspaces) {
    if (specifier === name) return `${folder}/index.ts`;
    if (specifier.startsWith(`${name}/`)) return `${folder}${specifier.slice(name.length)}`;
  }
  return `npm:${specifier}`;
}
