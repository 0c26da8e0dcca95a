import { describe, expect, test } from "vitest";
import { parseArguments } from "./arguments.ts";

const known = ["start", "rest-inproc"];

test("nothing means a full run of all", () => {
  expect(parseArguments([], known)).toEqual({ suites: [], quick: false, help: false, rounds: undefined });
});

test("suites and options in any order", () => {
  expect(parseArguments(["--quick", "start", "--json", "r.json", "--rounds", "3"], known)).toEqual({
    suites: ["start"],
    quick: true,
    help: false,
    json: "r.json",
    rounds: 3,
  });
});

describe("refused", () => {
  test.each([
    [["stop"], 'there is no suite "stop": there are start, rest-inproc'],
    [["--json", "r.json"], "--json needs exactly one suite"],
    [["start", "rest-inproc", "--json", "r.json"], "--json needs exactly one suite"],
    [["--rounds", "0"], '--rounds must be a whole number above 0, not "0"'],
    [["--rounds", "many"], "--rounds must be a whole number"],
    [["--fast"], "--fast"],
  ])("%j", (args, message) => {
    expect(() => parseArguments(args, known)).toThrow(message);
  });
});
