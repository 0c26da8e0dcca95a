import fc from "fast-check";
import { expect, test } from "vitest";
import { splitPath, splitVerb } from "./path.ts";

const anyPath = fc.string({ unit: fc.constantFrom("/", "a", ":", "%2F", "%", "%61", ".") }).map((rest) => `/${rest}`);

test("a path's segments are what its slashes part", () => {
  fc.assert(
    fc.property(anyPath, (path) => {
      expect(splitPath(path).raw).toEqual(path.slice(1).split("/"));
    }),
  );
});

test("without its verb a path is as if it had come without it", () => {
  fc.assert(
    fc.property(anyPath, (path) => {
      const split = splitVerb(splitPath(path));
      if (split === undefined) return;
      const { raw, decoded } = splitPath(path.slice(0, path.lastIndexOf(":")));
      expect(split.path).toMatchObject({ raw, decoded });
    }),
  );
});
