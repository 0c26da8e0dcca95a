import { expect, test } from "vitest";
import { Frontier } from "./frontier.ts";

function look(frontier: Frontier, numbers: readonly number[], now = 0): number[] {
  const fresh = numbers.filter((number) => frontier.see(number));
  frontier.advance(now);
  return fresh;
}

test("numbers in their order are new once, and the frontier follows them", () => {
  const frontier = new Frontier(10, 0);
  expect(look(frontier, [11, 12])).toEqual([11, 12]);
  expect(frontier.from).toBe(12);
  expect(look(frontier, [12, 13])).toEqual([13]);
});

test("a later number that comes first does not hide the earlier one", () => {
  const frontier = new Frontier(0, 0);
  expect(look(frontier, [1, 4, 5])).toEqual([1, 4, 5]);
  expect(frontier.from).toBe(1);
  expect(look(frontier, [2, 3, 4, 5])).toEqual([2, 3]);
  expect(frontier.from).toBe(5);
});

test("a number that nobody uses holds it up for a second", () => {
  const frontier = new Frontier(0, 0);
  look(frontier, [2, 3], 0);
  look(frontier, [2, 3], 999);
  expect(frontier.from).toBe(0);
  look(frontier, [2, 3, 5], 1000);
  expect(frontier.from).toBe(3);
});

test("a quiet time is no gap", () => {
  const frontier = new Frontier(0, 0);
  look(frontier, [], 5000);
  look(frontier, [2], 5001);
  expect(frontier.from).toBe(0);
});
