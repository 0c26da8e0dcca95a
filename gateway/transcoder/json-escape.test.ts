import { expect, test } from "vitest";
import { escapeForHtml } from "./json-escape.ts";

test("characters of HTML and line separators are escaped, and mean the same JSON", () => {
  const json = JSON.stringify({ "<a>": "b&c\u2028\u2029" });
  expect(escapeForHtml(json)).toBe('{"\\u003ca\\u003e":"b\\u0026c\\u2028\\u2029"}');
  expect(JSON.parse(escapeForHtml(json))).toEqual(JSON.parse(json));
});
