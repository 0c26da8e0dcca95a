import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Rush } from "./rush.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

/** So many buyers come; returns what answers them. */
function come(rush: Rush, count: number): () => Promise<void> {
  const answers = Array.from({ length: count }, () => Promise.withResolvers<void>());
  const told = Promise.all(answers.map(({ promise }) => rush.during(promise)));
  return async () => {
    for (const { resolve } of answers) resolve();
    await told;
  };
}

test("few buyers are no rush, however long they wait", () => {
  const rush = new Rush();
  come(rush, 47);
  vi.advanceTimersByTime(10_000);
  expect(rush.on).toBe(false);
});

test("a crowd that waits is a rush until 10 ms after it left", async () => {
  const rush = new Rush();
  const answer = come(rush, 60);
  expect(rush.on).toBe(true);
  vi.advanceTimersByTime(1000);
  expect(rush.on).toBe(true);
  await answer();
  vi.advanceTimersByTime(10);
  expect(rush.on).toBe(true);
  vi.advanceTimersByTime(1);
  expect(rush.on).toBe(false);
});

test("a purchase that fails leaves, too, with its error", async () => {
  const rush = new Rush();
  const failures = Array.from({ length: 100 }, (_, index) => rush.during(Promise.reject(new Error(`${index}`))));
  const settled = await Promise.allSettled(failures);
  expect(settled.map((one) => one.status === "rejected" && one.reason.message)).toEqual(
    Array.from({ length: 100 }, (_, index) => `${index}`),
  );
  vi.advanceTimersByTime(11);
  come(rush, 1);
  expect(rush.on).toBe(false);
});
