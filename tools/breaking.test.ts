import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../test/support/temporary.ts";

const root = join(import.meta.dirname, "..");

/** A git repository with our buf.yaml whose commits hold these versions of one proto file. */
function repository(...versions: string[]): string {
  const folder = temporaryDirectory("breaking");
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=Test", "-c", "user.email=test@example.com", ...args], { cwd: folder });
  git("init", "--quiet");
  writeFileSync(join(folder, ".gitignore"), "deps/\n");
  for (const file of ["buf.yaml", "deps"]) cpSync(join(root, file), join(folder, file), { recursive: true });
  mkdirSync(join(folder, "proto/shop/v1"), { recursive: true });
  for (const text of versions) {
    const file = `syntax = "proto3";\npackage shop.v1;\nmessage Item {\n${text}\n}\n`;
    writeFileSync(join(folder, "proto/shop/v1/item.proto"), file);
    git("add", "--all");
    git("commit", "--quiet", "--message", "step");
  }
  return folder;
}

function check(folder: string) {
  const args = [join(root, "tools/breaking.ts")];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  return { status, stdout };
}

test("a field that changes its type breaks clients", () => {
  const { status, stdout } = check(repository("string name = 1;", "int64 name = 1;"));
  expect(stdout).toContain(`changed type from "string" to "int64"`);
  expect(status).not.toBe(0);
});

test("a field that is added breaks nobody", () => {
  expect(check(repository("string name = 1;", "string name = 1;\nint64 price = 2;")).status).toBe(0);
});

test("the first commit has nothing to be compared with", () => {
  const { status, stdout } = check(repository("string name = 1;"));
  expect(stdout).toContain("skipped");
  expect(status).toBe(0);
});
