import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildPackage } from "./build.ts";
import { requireEnvoy } from "./testing/envoy.ts";

/** Outside the checkout: nothing of its node_modules can be found from there. */
const root = mkdtempSync(join(tmpdir(), "envoy-config-package-"));
const project = join(root, "project");
const readme = readFileSync(join(import.meta.dirname, "README.md"), "utf8");

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { cwd: project, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

beforeAll(() => {
  mkdirSync(project);
  buildPackage(join(root, "package"));
  const tarball = execFileSync("npm", ["pack", join(root, "package"), "--silent"], {
    cwd: root,
    encoding: "utf8",
  }).trim();
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module", private: true }));
  run("npm", "install", join(root, tarball), "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error");
  for (const [index, code] of codeBlocks("js").entries()) writeFileSync(join(project, exampleNames[index] ?? ""), code);
}, 120_000);

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The README's examples in its order, under the names that it gives them. */
const exampleNames = ["edge.mjs", "secrets.mjs", "control-plane.mjs", "mesh.mjs"];

function codeBlocks(language: string): readonly string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map(([, code = ""]) => code);
}

const shopProto = `syntax = "proto3";
package shop.v1;
import "google/protobuf/empty.proto";
service Orders {
  rpc Get(google.protobuf.Empty) returns (google.protobuf.Empty) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Place(google.protobuf.Empty) returns (google.protobuf.Empty);
}
service Stock {
  rpc Watch(google.protobuf.Empty) returns (stream google.protobuf.Empty);
}
`;

describe("the package as it is published, in an empty folder", () => {
  test("has every example of its README", () => {
    expect(codeBlocks("js").length).toBe(exampleNames.length);
  });

  test("has its command", () => {
    expect(run("node_modules/.bin/envoy-config", "--help")).toContain("usage: envoy-config");
  });

  test("takes the README's first configuration, and so does Envoy", () => {
    const out = run("node_modules/.bin/envoy-config", "validate", "edge.mjs", "--envoy", requireEnvoy());
    expect(out).toBe("valid, and taken by Envoy: edge.mjs\n");
  });

  test("renders it in one file that Envoy takes", () => {
    writeFileSync(join(project, "all.yaml"), run("node_modules/.bin/envoy-config", "render", "edge.mjs", "--static"));
    run(requireEnvoy(), "--mode", "validate", "-c", "all.yaml", "--use-dynamic-base-id");
  });

  test("writes the README's file of secrets", () => {
    run("node", "secrets.mjs");
    expect(run("node_modules/.bin/envoy-config", "validate", "sds.json", "--no-envoy")).toContain("valid");
  });

  test("serves the README's control plane", () => {
    const start = readFileSync(join(project, "control-plane.mjs"), "utf8").replace("port: 15010", "port: 0");
    const stop = "console.log(server.port > 0);\ncontrolPlane.close();\nawait server.close();\n";
    writeFileSync(join(project, "control-plane.mjs"), start + stop);
    expect(run("node", "control-plane.mjs")).toBe("true\n");
  });

  test("makes a mesh of the README's descriptor set and addresses, which Envoy takes", () => {
    const [addresses = ""] = codeBlocks("json");
    writeFileSync(join(project, "addresses.json"), addresses);
    writeFileSync(join(project, "shop.proto"), shopProto);
    run(
      join(import.meta.dirname, "../node_modules/.bin/buf"),
      "build",
      ".",
      "--path",
      "shop.proto",
      "-o",
      "shop.binpb",
    );
    const out = run("node_modules/.bin/envoy-config", "validate", "mesh.mjs", "--envoy", requireEnvoy());
    expect(out).toBe("valid, and taken by Envoy: mesh.mjs\n");
    const routes = JSON.parse(run("node_modules/.bin/envoy-config", "routes", "mesh.mjs", "--json"));
    const retried = routes.filter(({ retry }: { readonly retry: string }) => retry !== "");
    expect(retried.map(({ name }: { readonly name: string }) => name)).toEqual(["shop.v1.Orders/Get grpc"]);
  });

  test("has types", () => {
    const source = `import { type Cluster } from "envoy-config-tools/gen/envoy/config/cluster/v3/cluster_pb";
import { cluster, type ClusterOptions } from "envoy-config-tools";
import { meshResources } from "envoy-config-tools/mesh/resources";
const options: ClusterOptions = { name: "a", protocol: "http2", endpoints: { from: "eds" } };
export const one: Cluster = cluster(options);
// @ts-expect-error: no such protocol
cluster({ ...options, protocol: "spdy" });
export const many: (model: never) => unknown = meshResources;
`;
    writeFileSync(join(project, "types.ts"), source);
    const compiler = join(import.meta.dirname, "../node_modules/.bin/tsc");
    run(compiler, "--noEmit", "--strict", "--module", "nodenext", "--target", "esnext", "--types", "", "types.ts");
  });

  test("holds no sources and no tests", () => {
    const files = run("find", "node_modules/envoy-config-tools", "-name", "*.ts", "-not", "-name", "*.d.ts");
    expect(files).toBe("");
  });
});
