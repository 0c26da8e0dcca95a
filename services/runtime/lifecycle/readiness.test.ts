import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createReadiness, type Readiness } from "./readiness.ts";

const made: Readiness[] = [];

function readiness(options?: Parameters<typeof createReadiness>[0]): Readiness {
  const one = createReadiness(options);
  made.push(one);
  return one;
}

afterEach(() => {
  for (const one of made.splice(0)) one.enter("stopping");
});

describe("status", () => {
  test("is not serving while starting, whatever the checks say", async () => {
    const ready = readiness();
    expect(await ready.refresh()).toEqual([{ name: "lifecycle", reason: "starting" }]);
    expect(ready.status()).toBe("NOT_SERVING");
  });

  test("is not serving before the first look", async () => {
    const ready = readiness();
    ready.enter("running");
    expect(ready.status()).toBe("NOT_SERVING");
    await ready.refresh();
    expect(ready.status()).toBe("SERVING");
  });

  test("is not serving from the moment of stopping, for good", async () => {
    const ready = readiness();
    ready.enter("running");
    await ready.refresh();
    ready.enter("stopping");
    ready.enter("running");
    expect(ready.status()).toBe("NOT_SERVING");
    expect(ready.reasons()).toEqual([{ name: "lifecycle", reason: "stopping" }]);
  });
});

describe("checks", () => {
  test("failed ones are named with their reasons, thrown or returned", async () => {
    const ready = readiness();
    ready.enter("running");
    ready.add("database", async () => "no answer");
    ready.add("bus", () => {
      throw new Error("not connected");
    });
    ready.add("consumer", () => undefined);
    expect(await ready.refresh()).toEqual([
      { name: "database", reason: "no answer" },
      { name: "bus", reason: "not connected" },
    ]);
  });

  test("one that hangs has failed", async () => {
    const ready = readiness({ timeoutMs: 20 });
    ready.enter("running");
    ready.add("database", () => new Promise(() => {}));
    expect(await ready.refresh()).toEqual([{ name: "database", reason: "no answer within 20 ms" }]);
  });

  test("are asked once for many who want to know at once or soon after", async () => {
    const ready = readiness({ cacheMs: 60_000 });
    const check = vi.fn(async () => undefined);
    ready.add("database", check);
    await Promise.all(Array.from({ length: 50 }, () => ready.refresh()));
    await ready.refresh();
    expect(check).toHaveBeenCalledTimes(1);
  });

  test("are asked again when the last look is older than wanted", async () => {
    const ready = readiness({ cacheMs: 60_000 });
    const check = vi.fn(async () => undefined);
    ready.add("database", check);
    await ready.refresh();
    await ready.refresh(0);
    expect(check).toHaveBeenCalledTimes(2);
  });
});

describe("subscribers", () => {
  test("are told of changes, and only of changes, without anybody asking", async () => {
    const ready = readiness({ cacheMs: 10 });
    let reason: string | undefined;
    ready.add("database", () => reason);
    const seen: string[] = [];
    ready.subscribe(() => seen.push(ready.status()));
    ready.enter("running");
    await vi.waitFor(() => expect(seen).toEqual(["SERVING"]));
    reason = "gone";
    await vi.waitFor(() => expect(seen).toEqual(["SERVING", "NOT_SERVING"]));
    reason = undefined;
    await vi.waitFor(() => expect(seen).toEqual(["SERVING", "NOT_SERVING", "SERVING"]));
    await sleep(50);
    ready.enter("stopping");
    expect(seen).toEqual(["SERVING", "NOT_SERVING", "SERVING", "NOT_SERVING"]);
  });

  test("are told no more after they left", async () => {
    const ready = readiness();
    const listener = vi.fn();
    ready.subscribe(listener)();
    ready.enter("running");
    await ready.refresh();
    expect(listener).not.toHaveBeenCalled();
  });
});
