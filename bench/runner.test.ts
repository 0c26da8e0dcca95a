import { expect, onTestFinished, test } from "vitest";
import { sharedLayout } from "./machine/layout.ts";
import { runLayout } from "./runner.ts";
import type { Contender, Suite } from "./suite.ts";

/** A suite of two contenders that count what they are told, and how it ran. */
async function run(overrides: Partial<Record<"measure" | "verify", () => Promise<void>>> = {}, rounds = 2) {
  const events: string[] = [];
  const contender = (name: string): Contender => ({
    name,
    open: async (bench) => {
      events.push(`open ${name}`);
      bench.defer(() => void events.push(`close ${name}`));
      return {
        servers: () => [{ name: "self", kind: "service", pid: process.pid }],
        warmUp: async () => void events.push(`warm ${name}`),
        measure: async (take) => {
          await overrides.measure?.();
          await take(name, async () => ({ operations: 10, value: 5 }));
        },
        ...(overrides.verify && { verify: overrides.verify }),
      };
    },
  });
  const suite: Suite = {
    name: "pair",
    title: "",
    rounds: { full: 2, quick: 1 },
    rows: [
      { name: "a", unit: "1/s" },
      { name: "b", unit: "1/s" },
    ],
    marks: [],
    prepare: async (bench) => {
      bench.defer(() => void events.push("close suite"));
      return [contender("a"), contender("b")];
    },
  };
  const stack = new AsyncDisposableStack();
  onTestFinished(() => stack.disposeAsync());
  const result = await runLayout(suite, { layout: sharedLayout, quick: true, rounds, stack, say: () => undefined });
  return { events, result };
}

test("every contender is alone from its start to its end, in turn, every second round backwards", async () => {
  const turn = (name: string) => [`open ${name}`, `warm ${name}`, `close ${name}`];
  const { events } = await run();
  expect(events).toEqual([...turn("a"), ...turn("b"), ...turn("b"), ...turn("a"), "close suite"]);
});

test("each round is a sample of each row", async () => {
  const { result } = await run({}, 3);
  expect([...result.samples].map(([row, samples]) => [row, samples.map(({ value }) => value)])).toEqual([
    ["a", [5, 5, 5]],
    ["b", [5, 5, 5]],
  ]);
});

test("a wrong stored result ends the suite, and its round does not count", async () => {
  const { events, result } = await run({ verify: () => Promise.reject(new Error("one order is missing")) });
  expect(result).toEqual({ samples: new Map(), problems: ["a: one order is missing"] });
  expect(events.slice(-2)).toEqual(["close a", "close suite"]);
});

test("CPU time and memory are those of the servers meanwhile", async () => {
  const { result } = await run({
    measure: async () => undefined,
  });
  const [sample] = result.samples.get("a") ?? [];
  expect(sample?.peakMb).toBeGreaterThan(20);
  expect(sample?.servers).toMatchObject({ self: { peakMb: sample?.peakMb } });
});
