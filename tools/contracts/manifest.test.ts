import { describe, expect, test } from "vitest";
import { checkRows } from "./manifest.ts";

const files: Record<string, string> = { "a.test.ts": 'test("O2 finds an order", () => {})' };
const read = (file: string) => files[file];
const check = (row: object) => checkRows("shop", [{ section: "1", row: "O2", ...row }], read);

describe("a row of a contract", () => {
  test("is shown by a test whose title has the text", () => {
    expect(check({ tests: ["a.test.ts > O2 finds"] })).toEqual({ shown: 1, later: 0, problems: [] });
  });

  test("without a test is a problem", () => {
    expect(check({}).problems).toEqual(["shop 1 O2: no test shows it"]);
  });

  test("with a title that no test has is a problem", () => {
    expect(check({ tests: ["a.test.ts > O3"] }).problems).toEqual(["shop 1 O2: there is no test a.test.ts > O3"]);
  });

  test("with a file that does not exist is a problem", () => {
    expect(check({ tests: ["b.test.ts > O2"] }).problems).toEqual(["shop 1 O2: there is no test b.test.ts > O2"]);
  });

  test("may wait, with its reason", () => {
    expect(check({ later: "another system" })).toEqual({ shown: 0, later: 1, problems: [] });
  });

  test("stands once", () => {
    const row = { section: "1", row: "O2", later: "another system" };
    expect(checkRows("shop", [row, row], read).problems).toEqual(["shop 1 O2: is listed twice"]);
  });
});
