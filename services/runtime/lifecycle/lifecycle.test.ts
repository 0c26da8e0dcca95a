import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createLogger } from "../telemetry/logger.ts";
import { createLifecycle, type Part, StartAborted } from "./lifecycle.ts";
import { createReadiness } from "./readiness.ts";

function setUp(options: { drainTimeoutMs?: number; drainDelayMs?: number } = {}) {
  const events: string[] = [];
  const lines: string[] = [];
  const readiness = createReadiness({ cacheMs: 10 });
  const log = createLogger({ service: "test", destination: { write: (line) => void lines.push(line) } });
  const lifecycle = createLifecycle({ log, readiness, drainTimeoutMs: 1000, ...options });
  const part = (name: string, more: Partial<Part> = {}): Part => ({
    name,
    start: async () => void events.push(`start ${name}`),
    stop: async () => void events.push(`stop ${name}`),
    ...more,
  });
  return { events, lines, readiness, lifecycle, part };
}

describe("start", () => {
  test("starts parts in order, one after the other, and is ready then", async () => {
    const { events, readiness, lifecycle, part } = setUp();
    lifecycle.add(part("database", { start: () => sleep(20).then(() => void events.push("start database")) }));
    lifecycle.add(part("server"));
    expect(readiness.status()).toBe("NOT_SERVING");
    await lifecycle.start();
    expect(events).toEqual(["start database", "start server"]);
    expect(readiness.status()).toBe("SERVING");
    await lifecycle.stop("test");
  });

  test("waits for the checks and logs what it waits for", async () => {
    const { lines, readiness, lifecycle } = setUp();
    let down: string | undefined = "no answer";
    readiness.add("bus", () => down);
    const start = lifecycle.start();
    await sleep(120);
    expect(readiness.status()).toBe("NOT_SERVING");
    down = undefined;
    await start;
    expect(readiness.status()).toBe("SERVING");
    expect(lines.join("")).toContain('"reasons":[{"name":"bus","reason":"no answer"}]');
    await lifecycle.stop("test");
  });

  test("a part that fails stops those before it, in reverse, and is told", async () => {
    const { events, lifecycle, part } = setUp();
    lifecycle.add(part("a"));
    lifecycle.add(part("b"));
    lifecycle.add(part("c", { start: () => Promise.reject(new Error("port in use")) }));
    lifecycle.add(part("d"));
    await expect(lifecycle.start()).rejects.toThrow("port in use");
    expect(events).toEqual(["start a", "start b", "stop b", "stop a"]);
  });

  test("a stop meanwhile lets the part in hand finish and starts no other", async () => {
    const { events, lifecycle, part } = setUp();
    lifecycle.add(part("a", { start: () => sleep(50).then(() => void events.push("start a")) }));
    lifecycle.add(part("b"));
    const start = lifecycle.start();
    const stop = lifecycle.stop("SIGTERM");
    await expect(start).rejects.toBeInstanceOf(StartAborted);
    expect(await stop).toBe(true);
    expect(events).toEqual(["start a", "stop a"]);
  });

  test("a stop while waiting for the checks ends the waiting", async () => {
    const { readiness, lifecycle } = setUp();
    readiness.add("bus", () => "never");
    const start = lifecycle.start();
    await sleep(20);
    void lifecycle.stop("SIGTERM");
    await expect(start).rejects.toBeInstanceOf(StartAborted);
  });
});

describe("stop", () => {
  test("turns readiness off before the first part stops, then stops in reverse", async () => {
    const { events, readiness, lifecycle, part } = setUp();
    lifecycle.add(part("database"));
    lifecycle.add(part("server", { stop: () => void events.push(`stop server, ${readiness.status()}`) }));
    await lifecycle.start();
    expect(await lifecycle.stop("test")).toBe(true);
    expect(events.slice(2)).toEqual(["stop server, NOT_SERVING", "stop database"]);
  });

  test("leaves load balancers the time to notice", async () => {
    const { events, lifecycle, part } = setUp({ drainDelayMs: 60 });
    lifecycle.add(part("server"));
    await lifecycle.start();
    const stop = lifecycle.stop("test");
    await sleep(30);
    expect(events).toEqual(["start server"]);
    await stop;
    expect(events).toEqual(["start server", "stop server"]);
  });

  test("waits for work in hand", async () => {
    const { events, lifecycle, part } = setUp();
    lifecycle.add(part("database"));
    lifecycle.add(part("server", { stop: () => sleep(50).then(() => void events.push("drained")) }));
    await lifecycle.start();
    await lifecycle.stop("test");
    expect(events.slice(2)).toEqual(["drained", "stop database"]);
  });

  test("a part that hangs or fails is named; the others are stopped all the same", async () => {
    const { events, lines, lifecycle, part } = setUp({ drainTimeoutMs: 50 });
    lifecycle.add(part("lock"));
    lifecycle.add(part("bus", { stop: () => Promise.reject(new Error("broken pipe")) }));
    lifecycle.add(part("server", { stop: () => new Promise(() => {}) }));
    await lifecycle.start();
    expect(await lifecycle.stop("test")).toBe(false);
    expect(events.at(-1)).toBe("stop lock");
    expect(lines.join("")).toMatch(/"part":"server".*did not stop in time/);
    expect(lines.join("")).toMatch(/"part":"bus".*did not stop cleanly/);
  });

  test("happens once, however often it is asked for", async () => {
    const { events, lifecycle, part } = setUp();
    lifecycle.add(part("a"));
    await lifecycle.start();
    await Promise.all([lifecycle.stop("SIGTERM"), lifecycle.stop("SIGTERM")]);
    await lifecycle.stop("again");
    expect(events).toEqual(["start a", "stop a"]);
  });
});
