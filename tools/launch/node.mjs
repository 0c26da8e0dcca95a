import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { npm, Stop, say } from "./command.mjs";
import { withLock } from "./lock.mjs";

/** The oldest Node that runs the TypeScript as it is. */
const oldest = 24;
/**
 * What is fetched where the machine has none, best first: the newest major version that is tested; version 24, because
 * the binary of a newer one needs libatomic, which small systems lack.
 */
const wanted = [">=24 <27", "24"];
const help = `Or install Node ${oldest} or newer yourself: https://nodejs.org`;

export function isSuitable(version) {
  return Number.parseInt(version.replace(/^v/, ""), 10) >= oldest;
}

/** The npm package that carries the official binary for a platform, if there is one. */
export function nodePackage(platform, architecture) {
  const known = {
    linux: ["x64", "arm64"],
    darwin: ["x64", "arm64"],
    win32: ["x64", "arm64"],
  };
  if (!known[platform]?.includes(architecture)) return undefined;
  return `node-${platform === "win32" ? "win" : platform}-${architecture}`;
}

/** Path of a Node that is new enough: this one, else the one fetched before, else one fetched now from npm. */
export async function suitableNode(root, version = process.version) {
  if (isSuitable(version)) return process.execPath;
  const name = nodePackage(process.platform, process.arch);
  if (name === undefined) {
    throw new Stop(`Node ${version} is too old and there is no ${process.platform}-${process.arch} package. ${help}`);
  }
  const home = join(root, ".cache/node");
  const binary = join(home, "node_modules", name, "bin", process.platform === "win32" ? "node.exe" : "node");
  if (!existsSync(binary)) await withLock(root, () => existsSync(binary) || fetchNode(name, home, binary, version));
  return binary;
}

async function fetchNode(name, home, binary, version) {
  for (const range of wanted) {
    say(`Node ${version} is too old: fetching ${name}@${range} from npm (about 50 MB) into .cache/node`);
    await download(`${name}@${range}`, home);
    const found = versionOf(binary);
    if (found !== undefined) return say(`fetched Node ${found}`);
    rmSync(home, { recursive: true, force: true });
  }
  throw new Stop(`no Node of ${name} runs here, see above. ${help}`);
}

/** Installs one package into a folder that appears when it is complete. */
async function download(specifier, home) {
  const fetched = `${home}.new`;
  for (const folder of [home, fetched]) rmSync(folder, { recursive: true, force: true });
  mkdirSync(fetched, { recursive: true });
  try {
    // A package of its own: npm must not take it for a part of the workspace around it.
    writeFileSync(join(fetched, "package.json"), `{ "private": true }\n`);
    await npm(["install", "--prefix", fetched, "--no-package-lock", specifier], { cwd: fetched, help });
    renameSync(fetched, home);
  } finally {
    rmSync(fetched, { recursive: true, force: true });
  }
}

/** Undefined where the binary does not run here; the system's words about it go to standard error. */
function versionOf(binary) {
  try {
    return execFileSync(binary, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
  } catch {
    return undefined;
  }
}
