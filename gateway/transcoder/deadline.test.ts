import { describe, expect, test } from "vitest";
import { callTimeoutMs } from "./deadline.ts";
import { RequestProblem } from "./problem.ts";

describe("callTimeoutMs", () => {
  test.each([
    [{ "grpc-timeout": "5S" }, 5000],
    [{ "grpc-timeout": "2M" }, 120_000],
    [{ "grpc-timeout": "1H" }, 3_600_000],
    [{ "grpc-timeout": "250m" }, 250],
    [{ "grpc-timeout": "5000u" }, 5],
    [{ "grpc-timeout": "99999999n" }, 99.999999],
    [{ "connect-timeout-ms": "1500" }, 1500],
    [{ "connect-timeout-ms": "1500", "grpc-timeout": "1S", "x-envoy-expected-rq-timeout-ms": "1200" }, 1000],
  ])("%j: %d ms", (headers, ms) => {
    expect(callTimeoutMs(headers, 10)).toBeCloseTo(ms, 6);
  });

  test("a caller who says nothing has the call's own, if it has one", () => {
    expect(callTimeoutMs({}, 10_000)).toBe(10_000);
    expect(callTimeoutMs({}, undefined)).toBeUndefined();
  });

  test.each([
    [{ "x-envoy-expected-rq-timeout-ms": "61000" }, 10_000],
    [{ "x-envoy-expected-rq-timeout-ms": "4000" }, 4000],
    [{ "x-envoy-expected-rq-timeout-ms": "61000", "grpc-timeout": "30S" }, 30_000],
    [{ "x-envoy-expected-rq-timeout-ms": "4000", "grpc-timeout": "30S" }, 4000],
  ])("how long Envoy waits is a bound and no wish: %j, %d ms", (headers, ms) => {
    expect(callTimeoutMs(headers, 10_000)).toBe(ms);
  });

  test.each([
    { "grpc-timeout": "" },
    { "grpc-timeout": "5" },
    { "grpc-timeout": "-5S" },
    { "grpc-timeout": "123456789S" },
    { "connect-timeout-ms": "1.5" },
    { "x-envoy-expected-rq-timeout-ms": "soon" },
  ])("refuses %j", (headers) => {
    expect(() => callTimeoutMs(headers, undefined)).toThrow(RequestProblem);
  });
});
