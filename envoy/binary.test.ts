import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { envoyBinary } from "./binary.ts";
import { temporaryFolder } from "./testing/temporary.ts";

/** A folder with a program of that name. */
function folderWith(name: string): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, name), "#!/bin/sh\n");
  chmodSync(join(folder, name), 0o755);
  return folder;
}

test("the one that was asked for comes before the one on the PATH", () => {
  const [chosen, path] = [folderWith("mine"), folderWith("envoy")];
  expect(envoyBinary({ ENVOY_BIN: join(chosen, "mine"), PATH: path })).toBe(join(chosen, "mine"));
});

test("the first on the PATH is taken", () => {
  const [empty, path] = [temporaryFolder(), folderWith("envoy")];
  expect(envoyBinary({ PATH: `${empty}:${path}` })).toBe(join(path, "envoy"));
});

test("there may be none", () => {
  expect(envoyBinary({ PATH: temporaryFolder() })).toBeUndefined();
});

test("one that was asked for and cannot be run is an error, not a reason to take another", () => {
  expect(() => envoyBinary({ ENVOY_BIN: "/nowhere/envoy", PATH: folderWith("envoy") })).toThrow(
    "ENVOY_BIN is /nowhere/envoy",
  );
});
