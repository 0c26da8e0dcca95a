import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary.ts";
import { recordingLog } from "../rpc/testing/echo.ts";
import { SecretRing } from "./secret-ring.ts";
import { watchSecrets } from "./watch-secrets.ts";

const secret = "0123456789abcdef0123456789abcdef";
const other = "fedcba9876543210fedcba9876543210";

function watched() {
  const file = join(temporaryDirectory("secrets"), "secret");
  writeFileSync(file, `${secret}\n`);
  const ring = new SecretRing([secret]);
  const { log, lines } = recordingLog();
  const watch = watchSecrets([{ name: "JWT_SECRET", file, ring }], { log, periodMs: 50 });
  onTestFinished(() => watch.close());
  const write = (text: string) => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  return { ring, lines, write };
}

test("a changed file's lines are the secrets, the first the newest", async () => {
  const { ring, write } = watched();
  let told = 0;
  ring.onChange(() => (told += 1));
  write(`${other}\n\n${secret}\n`);
  await expect.poll(() => ring.current).toEqual([other, secret]);
  expect(told).toBe(1);
});

test.each([
  ["empty", "\n"],
  ["of a short secret", `${secret}\nshort\n`],
])("a file that is %s changes nothing, is told once, and shows no secret", async (_, text) => {
  const { ring, lines, write } = watched();
  write(text);
  await expect.poll(() => lines.some(({ level }) => level === "error")).toBe(true);
  await sleep(200);
  expect(lines.filter(({ level }) => level === "error")).toHaveLength(1);
  expect(ring.current).toEqual([secret]);
  expect(JSON.stringify(lines)).not.toContain(secret);
  expect(JSON.stringify(lines)).not.toContain("short\\n");
});

test("a file written anew with the same secrets is no change", async () => {
  const { ring, lines, write } = watched();
  const before = ring.current;
  write(`\n${secret}\n`);
  await sleep(200);
  expect(ring.current).toBe(before);
  expect(lines).toEqual([]);
});
