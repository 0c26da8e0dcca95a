import { appendFileSync, closeSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary.ts";
import { fileSize, lastLines, readFrom, rotateLog } from "./log-file.ts";

test("a small log stays", () => {
  const log = join(temporaryDirectory("logs"), "order.log");
  writeFileSync(log, "one\n");
  expect(rotateLog(log, 100)).toBe(false);
  expect(readFileSync(log, "utf8")).toBe("one\n");
});

test("a large log is put aside, and who writes into it goes on with an empty one", () => {
  const log = join(temporaryDirectory("logs"), "order.log");
  const writer = openSync(log, "a");
  writeSync(writer, "before\n".repeat(100));
  expect(rotateLog(log, 100)).toBe(true);
  writeSync(writer, "after\n");
  closeSync(writer);
  expect(readFileSync(log, "utf8")).toBe("after\n");
  expect(readFileSync(`${log}.1`, "utf8")).toBe("before\n".repeat(100));
});

test("three older files are kept", () => {
  const log = join(temporaryDirectory("logs"), "order.log");
  for (const round of ["1", "2", "3", "4", "5"]) {
    appendFileSync(log, round);
    rotateLog(log, 1);
  }
  expect(["1", "2", "3"].map((number) => readFileSync(`${log}.${number}`, "utf8"))).toEqual(["5", "4", "3"]);
  expect(fileSize(`${log}.4`)).toBe(0);
});

test("a log is read from a place on, and from its start once it was put aside", () => {
  const log = join(temporaryDirectory("logs"), "order.log");
  writeFileSync(log, "one\ntwo\n");
  expect(readFrom(log, 4)).toBe("two\n");
  expect(readFrom(log, 100)).toBe("one\ntwo\n");
});

test("the last lines of a log", () => {
  const log = join(temporaryDirectory("logs"), "order.log");
  writeFileSync(log, "one\ntwo\nthree\n");
  expect(lastLines(log, 2)).toBe("two\nthree");
  expect(lastLines(join(temporaryDirectory("logs"), "none.log"), 2)).toBe("");
});
