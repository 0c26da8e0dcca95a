// Makes envoy/dist, the package as it is published: JavaScript with declarations. Node strips no types below
// node_modules. `npm run build --workspace envoy-config-tools`, then `npm publish ./envoy/dist`.
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const here = import.meta.dirname;

/** Builds the package into a folder, which is emptied first. */
export function buildPackage(target: string = join(here, "dist")): void {
  rmSync(target, { recursive: true, force: true });
  compile(target);
  for (const file of filesBelow(target, ".d.ts"))
    writeFileSync(file, withJavaScriptImports(readFileSync(file, "utf8")));
  cpSync(join(here, "gen"), join(target, "gen"), { recursive: true, filter: (path) => !path.includes("/.") });
  for (const file of ["README.md", "../LICENSE"]) cpSync(join(here, file), join(target, file.replace("../", "")));
  writeFileSync(join(target, "package.json"), `${JSON.stringify(manifest(), undefined, 2)}\n`);
  chmodSync(join(target, "cli/main.js"), 0o755);
}

function compile(target: string): void {
  const compiler = join(here, "../node_modules/.bin/tsc");
  execFileSync(compiler, ["-p", join(here, "tsconfig.build.json"), "--outDir", target], { stdio: "inherit" });
}

/** The compiler rewrites imports in JavaScript, but not in declarations. */
function withJavaScriptImports(text: string): string {
  return text.replace(/(from |import\()"(\.{1,2}\/[^"]+)\.ts"/g, '$1"$2.js"');
}

/** As in the workspace, but with built files instead of sources. */
function manifest() {
  const { private: _, scripts: __, ...rest } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
  return {
    ...rest,
    bin: { "envoy-config": "./cli/main.js" },
    exports: {
      ".": { types: "./index.d.ts", default: "./index.js" },
      "./*": { types: "./*.d.ts", default: "./*.js" },
    },
  };
}

function filesBelow(folder: string, ending: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(ending)).map((name) => join(folder, name));
}

if (import.meta.main) buildPackage();
