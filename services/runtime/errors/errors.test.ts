import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { defineErrors } from "./define.ts";
import { fail } from "./fail.ts";
import { httpStatusOfCode } from "./http-status.ts";
import { httpStatusOf, metadataOf, reasonOf, retryAfterMsOf, violationsOf } from "./inspect.ts";
import { sanitize } from "./sanitize.ts";

const parcelErrors = defineErrors({
  PARCEL_NOT_FOUND: { code: Code.NotFound, text: "no such parcel" },
  PARCEL_GONE: { code: Code.NotFound, http: 410, text: "the parcel is gone" },
});

function recorder() {
  const lines: { errorId: string; err: unknown }[] = [];
  return { lines, log: { error: (line: { errorId: string; err: unknown }) => void lines.push(line) } as never };
}

describe("defineErrors", () => {
  test("takes the HTTP status of the code where none is given", () => {
    expect(parcelErrors.PARCEL_NOT_FOUND.http).toBe(404);
    expect(parcelErrors.PARCEL_GONE.http).toBe(410);
  });

  test("refuses a reason that is not UPPER_SNAKE_CASE", () => {
    expect(() => defineErrors({ notFound: { code: Code.NotFound, text: "x" } })).toThrow("UPPER_SNAKE_CASE");
  });
});

describe("fail", () => {
  test("carries code, text and reason", () => {
    const error = fail(parcelErrors.PARCEL_NOT_FOUND);
    expect(error.code).toBe(Code.NotFound);
    expect(error.rawMessage).toBe("no such parcel");
    expect(reasonOf(error)).toBe("PARCEL_NOT_FOUND");
  });

  test("takes a runtime reason by name", () => {
    expect(fail("QUEUE_FULL").code).toBe(Code.ResourceExhausted);
  });

  test("carries metadata, violations and the delay", () => {
    const error = fail("VALIDATION", {
      metadata: { limit: "5" },
      violations: [{ field: "a.b", description: "must not be empty" }],
      retryAfterMs: 1500,
    });
    expect(metadataOf(error)).toMatchObject({ limit: "5" });
    expect(violationsOf(error)).toMatchObject([{ field: "a.b", description: "must not be empty" }]);
    expect(retryAfterMsOf(error)).toBe(1500);
  });

  test("a retryable failure always says when", () => {
    expect(retryAfterMsOf(fail("STORE_UNAVAILABLE"))).toBe(1000);
    expect(retryAfterMsOf(fail("VALIDATION"))).toBeUndefined();
  });
});

describe("httpStatusOf", () => {
  test("the definition's status wins over the code's", () => {
    expect(httpStatusOf(fail(parcelErrors.PARCEL_GONE))).toBe(410);
    expect(httpStatusOf(fail("METHOD_NOT_ALLOWED"))).toBe(405);
  });

  test("is total: codes beyond the table are server errors", () => {
    for (const code of [0, 17, 18, 999, -1, Number.NaN]) expect(httpStatusOfCode(code)).toBe(500);
    expect(httpStatusOf(new ConnectError("x", 17 as Code))).toBe(500);
  });

  test("cancelled is 499", () => {
    expect(httpStatusOf(fail("CANCELLED"))).toBe(499);
  });

  test("metadata cannot make an error a success", () => {
    expect(httpStatusOf(fail("NOT_FOUND", { metadata: { httpStatus: "200" } }))).toBe(404);
  });
});

describe("sanitize", () => {
  test("lets our own errors pass, INTERNAL among them", () => {
    const { log, lines } = recorder();
    for (const error of [fail("INTERNAL"), fail("NOT_FOUND"), fail(parcelErrors.PARCEL_GONE)]) {
      expect(sanitize(error, log)).toBe(error);
    }
    expect(lines).toEqual([]);
  });

  test.each([
    ["an Error", new Error("SELECT * FROM users WHERE password='hunter2'")],
    ["a text", "hunter2"],
    ["what ConnectError.from wraps", ConnectError.from(new Error("hunter2"))],
    ["a foreign internal error", new ConnectError("hunter2", Code.Internal)],
  ])("hides %s behind an id that the log knows", (_name, error) => {
    const { log, lines } = recorder();
    const safe = sanitize(error, log);
    expect(safe.code).toBe(Code.Internal);
    expect(safe.message).not.toContain("hunter2");
    const id = metadataOf(safe).errorId;
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(safe.rawMessage).toContain(id);
    expect(lines).toEqual([{ err: error, errorId: id }]);
  });
});
