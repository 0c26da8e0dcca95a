import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { environment, npm, run, say } from "./command.mjs";
import { withLock } from "./lock.mjs";

/**
 * What has to stand before anything runs, in order. A step is done while the folders it makes exist and its stamp, a
 * file that goes with them, holds the hash of the files they were made from.
 */
const steps = [
  {
    title: "installing packages (npm ci)",
    stamp: "node_modules/.ordermesh-installed",
    makes: ["node_modules"],
    sources: () => ["package-lock.json"],
    make: (root, env) => npm(["ci"], { cwd: root, env }),
  },
  {
    title: "generating code from proto/ (buf generate)",
    stamp: "proto/gen/.ordermesh-generated",
    makes: ["deps", "proto/gen"],
    sources: (root) => ["package-lock.json", "buf.yaml", "buf.gen.yaml", "tools/proto-deps.mjs", ...protoFiles(root)],
    make: async (root, env, node) => {
      const options = { cwd: root, env, help: "The lines above say what is wrong with the proto files." };
      await run(node, ["tools/proto-deps.mjs"], options);
      await run(node, ["node_modules/@bufbuild/buf/bin/buf", "generate"], options);
    },
  },
  {
    title: "generating code from Envoy's protos (envoy/generate.mjs)",
    stamp: "envoy/gen/.ordermesh-generated",
    makes: ["envoy/gen"],
    sources: () => ["package-lock.json", "envoy/generate.mjs"],
    make: (root, env, node) => run(node, ["envoy/generate.mjs"], { cwd: root, env, help: "" }),
  },
];

/** Installs packages and generates code where either is missing or made from other files than those of today. */
export async function prepare(root, node) {
  if (pendingSteps(root).length === 0) return;
  await withLock(root, async () => {
    // Asked again: another start may have done it while this one waited for the lock.
    for (const step of pendingSteps(root)) {
      say(step.title);
      const fingerprint = fingerprintOf(root, step.sources(root));
      await step.make(root, environment(root, node), node);
      writeFileSync(join(root, step.stamp), fingerprint);
    }
  });
}

/** Notes that a person installed the packages with npm, so that no start does it again. */
export function noteInstalled(root) {
  const [install] = steps;
  writeFileSync(join(root, install.stamp), fingerprintOf(root, install.sources(root)));
}

/** Steps whose result is missing or made from other files. */
export function pendingSteps(root) {
  return steps.filter((step) => !isCurrent(root, step));
}

function isCurrent(root, step) {
  if (![...step.makes, step.stamp].every((path) => existsSync(join(root, path)))) return false;
  return readFileSync(join(root, step.stamp), "utf8") === fingerprintOf(root, step.sources(root));
}

/** Platform included: packages with binaries differ, and a folder can be mounted on another machine. */
export function fingerprintOf(root, files) {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}`);
  for (const file of files) hash.update(`\n${file}\n`).update(readFileSync(join(root, file)));
  return hash.digest("hex");
}

export function protoFiles(root, folder = "proto") {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return path === "proto/gen" ? [] : protoFiles(root, path);
      return entry.name.endsWith(".proto") ? [path] : [];
    });
}
