import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/support/temporary.ts";
import { ensureSecrets } from "./secrets.ts";

test("secrets are made once, long, and readable by their owner alone", () => {
  const directory = join(temporaryDirectory("secrets"), "secrets");
  const first = ensureSecrets(directory, ["jwt"]).value("jwt");
  expect(Buffer.byteLength(first)).toBeGreaterThanOrEqual(48);
  expect(statSync(join(directory, "jwt")).mode & 0o777).toBe(0o600);
  expect(ensureSecrets(directory, ["jwt"]).value("jwt")).toBe(first);
});

test("the first line of a secret that is being rotated counts", () => {
  const directory = temporaryDirectory("secrets");
  writeFileSync(join(directory, "jwt"), "new\nold\n");
  expect(ensureSecrets(directory, ["jwt"]).value("jwt")).toBe("new");
});

test("what is made of a secret lies in a file of its own", () => {
  const path = ensureSecrets(temporaryDirectory("secrets"), []).derive("url", "mysql://x");
  expect(readFileSync(path, "utf8")).toBe("mysql://x\n");
  expect(statSync(path).mode & 0o777).toBe(0o600);
});
