import { expect, test } from "vitest";
import { type Component, installMissing, isPreferredNats } from "./components.ts";

/** A component with two ways to get it; `states` are what stands before, after the first way and after the second. */
function component(...states: ("missing" | "old" | "good")[]) {
  const tried: string[] = [];
  const state = () => states[tried.length];
  const way = (title: string, problem?: string) => ({
    title,
    run: async () => {
      tried.push(title);
      return problem;
    },
  });
  const value: Component = {
    name: "server",
    isGood: () => state() === "good",
    isUsable: () => state() !== "missing",
    ways: [way("from source", "no compiler"), way("from packages")],
    byHand: "install it",
  };
  return { value, tried };
}

test("what stands is not installed again", async () => {
  const { value, tried } = component("good");
  expect(await installMissing([value], "the test")).toBe(true);
  expect(tried).toEqual([]);
});

test("the second way is taken when the first one fails", async () => {
  const { value, tried } = component("missing", "missing", "good");
  expect(await installMissing([value], "the test")).toBe(true);
  expect(tried).toEqual(["from source", "from packages"]);
});

test("an old version is kept where no better one is to be had", async () => {
  const { value, tried } = component("old", "old");
  expect(await installMissing([value], "the test")).toBe(true);
  expect(tried).toEqual(["from source"]);
});

test("a component that no way brings stops the tests", async () => {
  const { value } = component("missing", "missing", "missing");
  expect(await installMissing([value], "the test")).toBe(false);
});

test.each([
  [[2, 9, 10], false],
  [[2, 10, 0], false],
  [[2, 11, 0], true],
  [[3, 0, 0], true],
])("nats-server %j is new enough: %s", (version, preferred) => {
  expect(isPreferredNats(version)).toBe(preferred);
});
