import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { npm, Stop, say } from "./command.mjs";
import { withLock } from "./lock.mjs";

/** The oldest Node that runs the TypeScript as it is. */
const oldest = 24;
/** What is fetched where the machine has none: up to the newest major version that is tested. */
const wanted = ">=24 <27";
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
  say(`Node ${version} is too old: fetching a newer one (npm package ${name}, about 50 MB) into .cache/node`);
  rmSync(home, { recursive: true, force: true });
  const fetched = `${home}.new`;
  rmSync(fetched, { recursive: true, force: true });
  mkdirSync(fetched, { recursive: true });
  // A package of its own: npm must not take it for a part of the workspace around it.
  writeFileSync(join(fetched, "package.json"), `{ "private": true }\n`);
  await npm(["install", "--prefix", fetched, "--no-package-lock", `${name}@${wanted}`], { cwd: fetched, help });
  renameSync(fetched, home);
  try {
    say(`fetched Node ${execFileSync(binary, ["--version"], { encoding: "utf8" }).trim()}`);
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw new Stop(`the Node of ${name} does not run here (${error.message.split("\n")[0]}). ${help}`);
  }
}
