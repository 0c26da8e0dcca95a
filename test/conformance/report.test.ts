import { describe, expect, test } from "vitest";
import { parseOutcome, problemsOf } from "./report.ts";

const waivedCase = "Connect Unexpected Requests/HTTPVersion:1/TLS:false/unexpected-uri";
const output = `FAILED: ${waivedCase}:
\tactual error contain 1 details; expecting 0
FAILED: Errors/HTTPVersion:1/TLS:false/unary/internal:
\tactual error {code: 2 (unknown)} does not match expected code 13 (internal)
\texpecting 1 response messages but instead got 0

Total cases: 2328
2326 passed, 2 failed
Another 3 could not be run due to client timing out or exiting prematurely.
`;

describe("parseOutcome", () => {
  test("counts and names cases", () => {
    const { total, notRun, failures } = parseOutcome(output);
    expect({ total, notRun }).toEqual({ total: 2328, notRun: 3 });
    expect([...failures.keys()]).toEqual([waivedCase, "Errors/HTTPVersion:1/TLS:false/unary/internal"]);
    expect(failures.get("Errors/HTTPVersion:1/TLS:false/unary/internal")).toContain("expecting 1 response");
  });

  test("has no failures where all passed", () => {
    expect(parseOutcome("Total cases: 5\n5 passed, 0 failed\n")).toMatchObject({ total: 5, failures: new Map() });
  });

  test("throws where the suite broke off", () => {
    expect(() => parseOutcome("no test cases apply")).toThrow("no test cases apply");
  });
});

describe("problemsOf", () => {
  const plain = { total: 9, notRun: 0, failures: new Map<string, string>() };
  const ours = { ...plain, failures: new Map([[waivedCase, "\tactual error contain 1 details"]]) };

  test("a waived failure is none", () => {
    expect(problemsOf(plain, ours)).toEqual([]);
  });

  test("a failure that connect-node has not", () => {
    const failures = new Map([...ours.failures, ["Basic/unary", "\twrong"]]);
    expect(problemsOf(plain, { ...ours, failures })).toEqual(["Basic/unary\n\twrong"]);
    expect(problemsOf({ ...plain, failures: new Map([["Basic/unary", "\twrong"]]) }, { ...ours, failures })).toEqual(
      [],
    );
  });

  test("a waiver that nothing needs", () => {
    expect(problemsOf(plain, plain)).toEqual([expect.stringContaining("need no waiver")]);
  });

  test("cases that were not run, or not the same ones", () => {
    expect(problemsOf(plain, { ...ours, total: 8, notRun: 1 })).toHaveLength(2);
    expect(problemsOf({ ...plain, total: 0 }, { ...ours, total: 0 })).toEqual(["no case was run"]);
  });
});
