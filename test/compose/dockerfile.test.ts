import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { nodeFlags } from "../../tools/launch/run.mjs";
import { dockerignore } from "./dockerignore.ts";
import { isIgnored, readDockerfile } from "./image.ts";
import { repository } from "./model.ts";

const instructions = readDockerfile();
const text = readFileSync(join(repository, "Dockerfile"), "utf8");
const copies = instructions.filter(({ name, flags }) => name === "COPY" && flags.from === undefined);

describe("the Dockerfile", () => {
  test("copies what is there and what .dockerignore lets through", () => {
    for (const source of copies.flatMap(({ words }) => words.slice(0, -1))) {
      expect(existsSync(join(repository, source)), source).toBe(true);
      expect(isIgnored(source), source).toBe(false);
    }
  });

  test("installs with every workspace's package.json", () => {
    const { workspaces } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
    const copied = copies.flatMap(({ words }) => words.slice(0, -1));
    for (const workspace of workspaces) expect(copied).toContain(`${workspace}/package.json`);
  });

  test("names versions, not `latest`", () => {
    expect(text).toMatch(/^ARG NODE_IMAGE=node:\d+\.\d+\.\d+-slim$/m);
    expect(text).not.toContain("latest");
  });

  test("gives Node the flags of every other start", () => {
    const options = instructions.find(({ name, text }) => name === "ENV" && text.includes("NODE_OPTIONS"));
    expect(options?.text).toContain(`NODE_OPTIONS="${nodeFlags.join(" ")}"`);
  });

  test("ends without root's rights", () => {
    expect(instructions.findLast(({ name }) => name === "USER")?.text).toBe("node");
  });
});

describe(".dockerignore", () => {
  test("lets nothing into the image that is not for it", () => {
    for (const path of [
      ".env",
      "secrets/jwt_secret",
      "data/order.sqlite",
      ".git/config",
      "node_modules/pino/package.json",
    ]) {
      expect(isIgnored(path), path).toBe(true);
    }
    for (const file of globSync("{services,gateway,envoy,tools,deploy}/**/*.test.ts", { cwd: repository })) {
      expect(isIgnored(file), file).toBe(true);
    }
  });

  test.each([
    ["*\n!a", "a/b.ts", false],
    ["*\n!a", "b", true],
    ["*\n!a\n**/node_modules", "a/node_modules/x/y.js", true],
    ["a\n**/*.test.ts", "b/c.test.ts", true],
    ["a", "ab", false],
    ["", "a", false],
  ])("%j ignores %s: %s", (patterns, path, ignored) => {
    expect(dockerignore(patterns)(path)).toBe(ignored);
  });
});
