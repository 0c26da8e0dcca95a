import { describe, expect, test } from "vitest";
import { retryDelayMs } from "./retry-schedule.ts";

describe("minishop 4 backoff", () => {
  test.each([
    [0, 1000],
    [1, 2000],
    [2, 4000],
    [5, 30_000],
    [40, 30_000],
  ])("minishop 4: after %i attempts the wait is anywhere below %i ms", (attempts, bound) => {
    expect(retryDelayMs(attempts, () => 0)).toBe(0);
    expect(retryDelayMs(attempts, () => 0.5)).toBe(bound / 2);
    expect(retryDelayMs(attempts, () => 1 - Number.EPSILON)).toBe(bound - 1);
  });
});
