import { describe, expect, test } from "vitest";
import { parseTemplate, type Segment, TemplateError } from "./template.ts";

const shape = (segments: readonly Segment[]) =>
  segments.map((segment) => ({ literal: "value" in segment ? segment.value : "", one: "*", rest: "**" })[segment.kind]);

// Templates and variables of grpc-httpjson-transcoding's http_template tests (Apache-2.0), re-expressed; a variable is
// [field path, start, end, multi], an end of -1 the path's end.
const accepted: [template: string, segments: string[], verb: string | undefined, variables: unknown[][]][] = [
  [
    "/shelves/{shelf}/books/{book}",
    ["shelves", "*", "books", "*"],
    undefined,
    [
      ["shelf", 1, 2, false],
      ["book", 3, 4, false],
    ],
  ],
  ["/shelves/**", ["shelves", "**"], undefined, []],
  ["/**", ["**"], undefined, []],
  ["/a:foo", ["a"], "foo", []],
  ["/a/b/c:foo", ["a", "b", "c"], "foo", []],
  ["/*/**", ["*", "**"], undefined, []],
  ["/*/a/**", ["*", "a", "**"], undefined, []],
  ["/a/{a.b.c}", ["a", "*"], undefined, [["a.b.c", 1, 2, false]]],
  ["/a/{a.b.c=*}", ["a", "*"], undefined, [["a.b.c", 1, 2, false]]],
  ["/a/{b=*}", ["a", "*"], undefined, [["b", 1, 2, false]]],
  ["/a/{b=**}", ["a", "**"], undefined, [["b", 1, -1, true]]],
  ["/a/{b=c/*}", ["a", "c", "*"], undefined, [["b", 1, 3, true]]],
  ["/a/{b=c/*/d}", ["a", "c", "*", "d"], undefined, [["b", 1, 4, true]]],
  ["/a/{b=c/**}", ["a", "c", "**"], undefined, [["b", 1, -1, true]]],
  ["/a/{b=c}", ["a", "c"], undefined, [["b", 1, 2, false]]],
  ["/*:verb", ["*"], "verb", []],
  ["/**:verb", ["**"], "verb", []],
  ["/{a}:verb", ["*"], "verb", [["a", 0, 1, false]]],
  ["/a/b/**:verb", ["a", "b", "**"], "verb", []],
  ["/a/b/{a}:verb", ["a", "b", "*"], "verb", [["a", 2, 3, false]]],
  ["/{x.y.z=*/*}:verb", ["*", "*"], "verb", [["x.y.z", 0, 2, true]]],
  ["/{x=**}:myverb", ["**"], "myverb", [["x", 0, -1, true]]],
  ["/{x.y.z=*/a/b}/c", ["*", "a", "b", "c"], undefined, [["x.y.z", 0, 3, true]]],
  ["/a/{b=*}/**:verb", ["a", "*", "**"], "verb", [["b", 1, 2, false]]],
  ["/v1.2/a-b_c~d/@x", ["v1.2", "a-b_c~d", "@x"], undefined, []],
];

describe("parseTemplate", () => {
  test.each(accepted)("accepts %s", (source, segments, verb, variables) => {
    const template = parseTemplate(source);
    expect(shape(template.segments)).toEqual(segments);
    expect(template.verb).toBe(verb);
    const found = template.variables.map((one) => [one.fieldPath.join("."), one.start, one.end ?? -1, one.multi]);
    expect(found).toEqual(variables);
  });

  // Its list of invalid templates.
  test.each([
    "",
    "/",
    "//",
    "/{}",
    "/a/",
    "/a//b",
    ":verb",
    "/:verb",
    "/a/:verb",
    ":",
    "/:",
    "/*:",
    "/**:",
    "/{var}:",
    "/a/:",
    "/a/*:",
    "/a/**:",
    "/a/b/:",
    "/a/b/*:",
    "/a/b/**:",
    "/a/b/{var}:",
    "/a/{",
    "/a/{var",
    "/a/{var.",
    "/a/{b=",
    "/a/{x=var:verb}",
    "a",
    "{x}",
    "{x=/a}",
    "{x=/a/b}",
    "a/b",
    "a/b/{x}",
    "a/{x}/b",
    "a/{x}/b:verb",
    "/a/{var=/b}",
    "/{var=a/{nested=b}}",
    "/a{x}",
    "/{x}a",
    "/a{x}b",
    "/{x}a{y}",
    "/a/b{x}",
    "/a/{x}b",
    "/a/b{x}c",
    "/a/{x}b{y}",
    "/a/b{x}/s",
    "/a/{x}b/s",
    "/a/b{x}c/s",
    "/a/{x}b{y}/s",
    "/a{x=b/**}/{y=*}",
    "/a{x=b/**}/bb/{y=**}",
    "/a/**/*",
    "/a/**/foo/*",
    "/a/**/**",
    "/a/**/foo/**",
  ])("refuses %j", (source) => {
    expect(() => parseTemplate(source)).toThrow(TemplateError);
  });

  test.each([
    ["/a/{b=c/**}/d", '"**" must be the last segment', 12],
    ["/{x}/{x}", 'variable "x" stands twice', 5],
    ["/{a.b}/{a.b=c/*}", 'variable "a.b" stands twice', 7],
    ["/{var=a/{nested=b}}", "a variable must not hold a variable", 8],
    ["/a:b/c", "a verb is the end of a template", 4],
    ["/a:b:c", "a verb is the end of a template", 4],
    ["/a/../b", "a dot segment never matches", 3],
    ["/a/%7Eb", "literals are written unescaped", 3],
    ["/a/{1b}", "expected a field name", 4],
    ["/a?b", 'expected "/", ":" or the end', 2],
    ["/a/{b", 'expected "}"', 5],
  ])("says where and why %s is wrong", (source, problem, position) => {
    expect(() => parseTemplate(source)).toThrow(`path template "${source}", position ${position}: ${problem}`);
  });
});
