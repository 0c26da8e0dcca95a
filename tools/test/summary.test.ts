import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/support/temporary.ts";

const root = join(import.meta.dirname, "../..");

/** Last line that a vitest run of its own over one test file prints. */
function lastLine(text: string): string | undefined {
  const folder = temporaryDirectory("summary");
  writeFileSync(join(folder, "some.test.ts"), text);
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const reporter = `--reporter=${join(import.meta.dirname, "summary.ts")}`;
  const { stdout } = spawnSync(process.execPath, [vitest, "run", "--globals", "--root", folder, reporter], {
    encoding: "utf8",
  });
  return stdout.trimEnd().split("\n").at(-1);
}

test("the last line counts what passed and what failed", () => {
  const text = `test("a", () => {}); test("b", () => {}); test("c", () => expect(1).toBe(2));`;
  expect(lastLine(text)).toBe("2 passed, 1 failed");
});

test("a file that does not load is a failure", () => {
  expect(lastLine(`throw new Error("broken");`)).toBe("0 passed, 1 failed");
});

test("an error outside every test is a failure", () => {
  const text = `test("a", async () => {
    setTimeout(() => { throw new Error("late"); });
    await new Promise((resolve) => setTimeout(resolve, 50));
  });`;
  expect(lastLine(text)).toBe("1 passed, 1 failed");
});

test("what was skipped is told", () => {
  expect(lastLine(`test("a", () => {}); test.skip("b", () => {});`)).toBe("1 passed, 0 failed, 1 skipped");
});
