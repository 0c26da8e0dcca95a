import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/support/temporary.ts";
import { rotateSecret } from "./rotate-secret.ts";
import { ensureSecrets } from "./secrets.ts";

test("a new secret is known to all before it signs, and the one before it stays for a while", async () => {
  const secrets = ensureSecrets(temporaryDirectory("secrets"), ["jwt"]);
  const lines = () => readFileSync(secrets.file("jwt"), "utf8").trim().split("\n");
  const [first] = lines();
  let meanwhile: string[] = [];
  await rotateSecret(secrets, "jwt", "second", async () => {
    meanwhile = lines();
  });
  expect(meanwhile).toEqual([first, "second"]);
  expect(lines()).toEqual(["second", first]);
  await rotateSecret(secrets, "jwt", "third", async () => {});
  expect(lines()).toEqual(["third", "second"]);
});
