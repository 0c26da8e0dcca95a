import { describe, expect, test } from "vitest";
import { requestedTimeoutMs } from "./deadline.ts";
import { RequestProblem } from "./problem.ts";

describe("requestedTimeoutMs", () => {
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
    expect(requestedTimeoutMs(headers)).toBeCloseTo(ms, 6);
  });

  test("nothing said is no timeout", () => {
    expect(requestedTimeoutMs({})).toBeUndefined();
  });

  test.each([
    { "grpc-timeout": "" },
    { "grpc-timeout": "5" },
    { "grpc-timeout": "-5S" },
    { "grpc-timeout": "123456789S" },
    { "connect-timeout-ms": "1.5" },
    { "x-envoy-expected-rq-timeout-ms": "soon" },
  ])("refuses %j", (headers) => {
    expect(() => requestedTimeoutMs(headers)).toThrow(RequestProblem);
  });
});
