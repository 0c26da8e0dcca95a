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

/** Sources of the generated code: of our own protos, and of Envoy's. */
const sources = ["package-lock.json", "buf.yaml", "buf.gen.yaml", "tools/proto-deps.mjs", "proto/shop/v1/a.proto"];
const envoySources = ["package-lock.json", "envoy/generate.mjs"];

/** A checkout whose packages are installed and whose code is generated. */
beforeEach(() => {
  root = temporaryDirectory("checkout");
  for (const source of [...sources, ...envoySources]) write(source, source);
  write("deps/google/api/http.proto", "");
  write("node_modules/.ordermesh-installed", fingerprintOf(root, ["package-lock.json"]));
  write("proto/gen/.ordermesh-generated", fingerprintOf(root, sources));
  write("envoy/gen/.ordermesh-generated", fingerprintOf(root, envoySources));
});

const [packages, code, envoyCode] = ["node_modules", "deps proto/gen", "envoy/gen"];
const pending = () => pendingSteps(root).map((step) => step.makes.join(" "));

describe("what a start has to prepare", () => {
  test("nothing where everything stands", () => {
    expect(pending()).toEqual([]);
  });

  test("everything in a fresh clone", () => {
    for (const folder of ["node_modules", "deps", "proto/gen", "envoy/gen"])
      rmSync(join(root, folder), { recursive: true });
    expect(pending()).toEqual([packages, code, envoyCode]);
  });

  test("packages and code when the lock file changed, for the code generators are packages", () => {
    write("package-lock.json", "other");
    expect(pending()).toEqual([packages, code, envoyCode]);
  });

  test("code when a proto file changed", () => {
    write("proto/shop/v1/a.proto", "other");
    expect(pending()).toEqual([code]);
  });

  test("code when a proto file was added", () => {
    write("proto/shop/v2/b.proto", "");
    expect(pending()).toEqual([code]);
  });

  test("code when the imported protos are gone", () => {
    rmSync(join(root, "deps"), { recursive: true });
    expect(pending()).toEqual([code]);
  });

  test("Envoy's code when its generator changed", () => {
    write("envoy/generate.mjs", "other");
    expect(pending()).toEqual([envoyCode]);
  });

  test("no packages after an installation by hand", () => {
    write("package-lock.json", "other");
    noteInstalled(root);
    expect(pending()).toEqual([code, envoyCode]);
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
