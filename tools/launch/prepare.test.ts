import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { temporaryDirectory } from "../../test/support/temporary.ts";
import { fingerprintOf, noteInstalled, pendingSteps, protoFiles } from "./prepare.mjs";

let root: string;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** A checkout whose packages are installed and whose code is generated. */
beforeEach(() => {
  root = temporaryDirectory("checkout");
  const sources = ["package-lock.json", "buf.yaml", "buf.gen.yaml", "tools/proto-deps.mjs", "proto/shop/v1/a.proto"];
  for (const source of sources) write(source, source);
  write("deps/google/api/http.proto", "");
  write("node_modules/.ordermesh-installed", fingerprintOf(root, ["package-lock.json"]));
  write("proto/gen/.ordermesh-generated", fingerprintOf(root, sources));
});

const pending = () => pendingSteps(root).map((step) => step.title.split(" ")[0]);

describe("what a start has to prepare", () => {
  test("nothing where everything stands", () => {
    expect(pending()).toEqual([]);
  });

  test("everything in a fresh clone", () => {
    for (const folder of ["node_modules", "deps", "proto/gen"]) rmSync(join(root, folder), { recursive: true });
    expect(pending()).toEqual(["installing", "generating"]);
  });

  test("packages and code when the lock file changed, for the code generators are packages", () => {
    write("package-lock.json", "other");
    expect(pending()).toEqual(["installing", "generating"]);
  });

  test("code when a proto file changed", () => {
    write("proto/shop/v1/a.proto", "other");
    expect(pending()).toEqual(["generating"]);
  });

  test("code when a proto file was added", () => {
    write("proto/shop/v2/b.proto", "");
    expect(pending()).toEqual(["generating"]);
  });

  test("code when the imported protos are gone", () => {
    rmSync(join(root, "deps"), { recursive: true });
    expect(pending()).toEqual(["generating"]);
  });

  test("no packages after an installation by hand", () => {
    write("package-lock.json", "other");
    noteInstalled(root);
    expect(pending()).toEqual(["generating"]);
  });

  test("generated files are no sources", () => {
    write("proto/gen/shop/v1/a.proto", "");
    expect(protoFiles(root)).toEqual(["proto/shop/v1/a.proto"]);
  });

  test("a file's name counts as well as its text", () => {
    write("one", "text");
    write("two", "text");
    expect(readFileSync(join(root, "one"))).toEqual(readFileSync(join(root, "two")));
    expect(fingerprintOf(root, ["one"])).not.toBe(fingerprintOf(root, ["two"]));
  });
});
