// Generates code for Envoy's own protos into envoy/gen. Their text comes out of the package @grpc/grpc-js-xds:
// nothing is vendored and buf works offline. Plain JavaScript: it runs before there is a Node that strips types.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const deps = join(packageRoot("@grpc/grpc-js-xds"), "deps");

/** Folders of the package in which an import is looked for. */
const roots = ["envoy-api", "googleapis", "protoc-gen-validate", "xds"];

/** Whose v3 files are generated, with all that they import: the configuration, its extensions and the xDS services. */
const entries = ["envoy/admin", "envoy/config", "envoy/data", "envoy/extensions", "envoy/service", "envoy/type"];

/** Generates `target`; a run that fails leaves what was there. Answers how many proto files it holds. */
export function generateEnvoyCode(target = join(here, "gen")) {
  const files = protosWithImports();
  const work = mkdtempSync(join(tmpdir(), "envoy-protos-"));
  try {
    for (const [path, text] of files) writeUnder(join(work, "proto"), path, text);
    generate(join(work, "proto"), `${target}.new`);
    writeUnder(`${target}.new`, "files.js", registryModule([...files.keys()]));
    writeUnder(`${target}.new`, "files.d.ts", registryTypes);
    rmSync(target, { recursive: true, force: true });
    renameSync(`${target}.new`, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
    rmSync(`${target}.new`, { recursive: true, force: true });
  }
  return files.size;
}

/** Import path and text of every file to generate. A file is left out when an import of it is nowhere to be had. */
function protosWithImports() {
  const files = new Map();
  for (const path of entries.flatMap(protosBelow)) {
    const needed = new Map();
    if (collect(path, needed)) for (const [name, text] of needed) files.set(name, text);
  }
  return files;
}

function protosBelow(folder) {
  return readdirSync(join(deps, "envoy-api", folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return protosBelow(path);
    return /\/v3\/[^/]*\.proto$/.test(path) ? [path] : [];
  });
}

/** Adds a file and its imports to `needed`; false where one is missing. */
function collect(path, needed) {
  if (needed.has(path) || path.startsWith("google/protobuf/")) return true;
  const text = readProto(path);
  if (text === undefined) return false;
  needed.set(path, text);
  return [...text.matchAll(/^import\s+(?:public\s+)?"([^"]+)";/gm)].every(([, name]) => collect(name, needed));
}

function readProto(path) {
  const file = roots.map((root) => join(deps, root, path)).find((candidate) => existsSync(candidate));
  if (file === undefined) return undefined;
  const text = readFileSync(file, "utf8");
  return path === "validate/validate.proto" ? withIgnoreEmpty(text) : text;
}

/** The package's validate.proto is older than the protos beside it: config/core/v3/protocol.proto uses this field. */
function withIgnoreEmpty(text) {
  const start = text.indexOf("message StringRules {");
  const has = /\bignore_empty\b/.test(text.slice(start, text.indexOf("\nmessage ", start)));
  return has ? text : text.replace("message StringRules {", "$&\n  optional bool ignore_empty = 26;");
}

function generate(protos, out) {
  const plugin = join(packageRoot("@bufbuild/protoc-gen-es"), "bin/protoc-gen-es");
  const template = {
    version: "v2",
    plugins: [
      { local: [process.execPath, plugin], out, opt: ["target=js+dts", "import_extension=js"], strategy: "all" },
    ],
  };
  const buf = join(packageRoot("@bufbuild/buf"), "bin/buf");
  const args = [buf, "generate", protos, "--template", JSON.stringify(template)];
  const { status, error } = spawnSync(process.execPath, args, { cwd: here, stdio: "inherit" });
  if (status !== 0) throw new Error(`buf generate failed for Envoy's protos in ${protos}`, { cause: error });
}

/** One module that names every generated file: what a registry for Any is made of. */
function registryModule(paths) {
  const imports = paths.map((path) => {
    const name = `file_${path.replace(/\.proto$/, "").replace(/[^A-Za-z0-9]/g, "_")}`;
    return [name, `import { ${name} } from "./${path.replace(/\.proto$/, "_pb.js")}";`];
  });
  const names = imports.map(([name]) => name);
  return `${imports.map(([, line]) => line).join("\n")}\nexport const files = [${names.join(", ")}];\n`;
}

const registryTypes = `import type { GenFile } from "@bufbuild/protobuf/codegenv2";
/** Every generated file. */
export declare const files: readonly GenFile[];
`;

/** Folder of an installed package, also where its \`exports\` hide its package.json. */
function packageRoot(name) {
  const folders = require.resolve.paths(name).map((folder) => join(folder, name));
  const root = folders.find((folder) => existsSync(folder));
  if (root === undefined) throw new Error(`package ${name} is not installed: run npm ci`);
  return root;
}

function writeUnder(folder, path, text) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) generateEnvoyCode();
