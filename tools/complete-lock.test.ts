import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { completeLock, platformOf } from "./complete-lock.mjs";

test.each([
  ["@biomejs/cli-darwin-arm64", "darwin", "arm64"],
  ["@biomejs/cli-linux-x64-musl", "linux", "x64"],
  ["@bufbuild/buf-linux-aarch64", "linux", "arm64"],
  ["@bufbuild/buf-linux-armv7", "linux", "arm"],
  ["@oxc-parser/binding-linux-arm-gnueabihf", "linux", "arm"],
  ["@oxc-parser/binding-win32-ia32-msvc", "win32", "ia32"],
])("%s is for %s on %s", (name, os, cpu) => {
  expect(platformOf(name)).toEqual({ os: [os], cpu: [cpu] });
});

test("a platform's package that the lock names and does not list gets an entry", () => {
  const tool = { version: "1.2.3", dev: true, optionalDependencies: { "tool-darwin-arm64": "1.2.3" } };
  const { packages } = completeLock({ packages: { "node_modules/tool": tool } });
  expect(packages["node_modules/tool-darwin-arm64"]).toEqual({
    version: "1.2.3",
    cpu: ["arm64"],
    dev: true,
    optional: true,
    os: ["darwin"],
  });
});

test("this repository's lock is complete and names no registry", () => {
  const text = readFileSync(join(import.meta.dirname, "../package-lock.json"), "utf8");
  expect(`${JSON.stringify(completeLock(JSON.parse(text)), null, 2)}\n`).toBe(text);
  expect(text).not.toMatch(/"resolved": "https?:/);
});
