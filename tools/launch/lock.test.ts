import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/support/temporary.ts";
import { withLock } from "./lock.mjs";

test("two starts at once install one after the other", async () => {
  const root = temporaryDirectory("checkout");
  const steps: string[] = [];
  const work = (name: string) => async () => {
    steps.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    steps.push(`${name} ends`);
  };
  await Promise.all([withLock(root, work("one")), withLock(root, work("other"))]);
  expect(steps).toEqual(["one begins", "one ends", "other begins", "other ends"]);
});

test("the lock of a start that died is taken over", async () => {
  const root = temporaryDirectory("checkout");
  const dead = execFileSync(process.execPath, ["-p", "process.pid"], { encoding: "utf8" });
  mkdirSync(join(root, ".cache"));
  writeFileSync(join(root, ".cache/install.lock"), dead);
  expect(await withLock(root, async () => "done")).toBe("done");
});

test("a failed installation gives the lock back", async () => {
  const root = temporaryDirectory("checkout");
  const work = async () => {
    throw new Error("no network");
  };
  await expect(withLock(root, work)).rejects.toThrow("no network");
  expect(existsSync(join(root, ".cache/install.lock"))).toBe(false);
});
