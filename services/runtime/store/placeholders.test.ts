import { expect, test } from "vitest";
import { numberPlaceholders, splitPlaceholders } from "./placeholders.ts";

test.each([
  ["select 1", "select 1"],
  ["a = ? and b = ?", "a = $1 and b = $2"],
  ["'?' \"?\" `?` ?", "'?' \"?\" `?` $1"],
  ["'it''s ?' ?", "'it''s ?' $1"],
  ["-- why?\n?", "-- why?\n$1"],
  ["/* ? */ ? /* ?", "/* ? */ $1 /* ?"],
  ["?", "$1"],
  ["'open ?", "'open ?"],
  ["a - ? / ?", "a - $1 / $2"],
])("%s", (sql, numbered) => {
  expect(numberPlaceholders(sql)).toBe(numbered);
});

test("the pieces join to the statement", () => {
  const sql = "insert into t (a, b) values (?, '?'), (?, ?)";
  expect(splitPlaceholders(sql).join("?")).toBe(sql);
});
