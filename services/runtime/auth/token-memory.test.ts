import { afterEach, expect, test, vi } from "vitest";
import { localAdministrator as somebody } from "./principal.ts";
import { TokenMemory } from "./token-memory.ts";

afterEach(() => void vi.useRealTimers());

test("remembers until the time given", () => {
  vi.useFakeTimers({ toFake: ["Date"], now: 1_000 });
  const memory = new TokenMemory(2);
  memory.set("a", somebody, 2_000);
  expect(memory.get("a")).toBe(somebody);
  vi.setSystemTime(2_000);
  expect(memory.get("a")).toBeUndefined();
});

test("forgets the oldest when it is full", () => {
  const memory = new TokenMemory(2);
  for (const token of ["a", "b", "c"]) memory.set(token, somebody, Date.now() + 60_000);
  expect(["a", "b", "c"].map((token) => memory.get(token))).toEqual([undefined, somebody, somebody]);
});
