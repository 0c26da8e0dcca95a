import { describe, expect, test } from "vitest";
import { isSubject, isSubjectFilter, subjectMatcher, subjectsOverlap } from "./subject.ts";

describe("subjects", () => {
  test.each(["a", "seckill.order.create", "a-b_c.1", "$x.y"])("%s may be published to", (subject) => {
    expect(isSubject(subject)).toBe(true);
  });

  test.each(["", ".", "a.", ".a", "a..b", "a b", "a.*", "a.>", "a\n", "订单", "a".repeat(256)])(
    "%j may not be published to",
    (subject) => {
      expect(isSubject(subject)).toBe(false);
    },
  );

  test.each(["a", "*", ">", "a.*", "*.b", "a.*.>", "a.>"])("%s is a filter", (filter) => {
    expect(isSubjectFilter(filter)).toBe(true);
  });

  test.each(["", "a.>.b", "a*", "a.b>", ">.a", "a..*"])("%j is no filter", (filter) => {
    expect(isSubjectFilter(filter)).toBe(false);
  });

  test.each([
    ["a.b", "a.b", true],
    ["a.b", "a.b.c", false],
    ["a.*", "a.b", true],
    ["a.*", "a", false],
    ["a.*", "a.b.c", false],
    ["a.>", "a.b.c", true],
    ["a.>", "a", false],
    ["*.b.>", "x.b.c", true],
    [">", "a", true],
  ])("%s takes %s: %s", (filter, subject, expected) => {
    expect(subjectMatcher([filter])(subject)).toBe(expected);
  });

  test("one of several filters is enough", () => {
    expect(subjectMatcher(["x.>", "a.*"])("a.b")).toBe(true);
  });

  test.each([
    ["a.>", "a.b", true],
    ["a.*", "*.b", true],
    ["a.*.c", "a.b.*", true],
    ["a.b", "a.c", false],
    ["a.*", "a.b.c", false],
    ["a.>", "a", false],
    ["*", ">", true],
  ])("%s and %s overlap: %s", (a, b, expected) => {
    expect([subjectsOverlap(a, b), subjectsOverlap(b, a)]).toEqual([expected, expected]);
  });
});
