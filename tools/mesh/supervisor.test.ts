import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../../test/support/temporary.ts";
import type { Component } from "./component.ts";
import { layoutOf } from "./layout.ts";
import { identifyProcess } from "./process/process-identity.ts";
import { State } from "./state.ts";
import { Supervisor, UnknownComponent } from "./supervisor.ts";

function supervise() {
  const layout = layoutOf(temporaryDirectory("supervisor"));
  mkdirSync(layout.logs);
  const told: string[] = [];
  const state = new State(layout.state);
  const supervisor = new Supervisor({ layout, state, say: (line) => told.push(line) });
  onTestFinished(() => supervisor.stop());
  return { supervisor, state, told, layout };
}

/** A real process that says `up` when it is ready. */
function component(
  name: string,
  options: { scalable?: boolean; script?: string; more?: Partial<Component> } = {},
): Component {
  const { scalable = false, script = "", more = {} } = options;
  return {
    name,
    scalable,
    launch: async () => ({
      command: process.execPath,
      args: ["-e", `console.log("up");setInterval(() => {}, 1000);${script}`],
      env: process.env,
      stopTimeoutMs: 5_000,
    }),
    port: () => undefined,
    check: async (running) => (running.output().includes("up") ? [] : ["it is not up"]),
    ...more,
  };
}

test("a component runs until it is stopped, and nothing is left then", async () => {
  const { supervisor, state } = supervise();
  const order = component("order", { scalable: true });
  supervisor.plan(order);
  await supervisor.start([order, 2]);
  const status = await supervisor.status();
  expect(status.map(({ name, state: now }) => [name, now])).toEqual([
    ["order-1", "ready"],
    ["order-2", "ready"],
  ]);
  expect(state.processes).toHaveLength(2);
  await supervisor.stop();
  expect(status.map(({ pid }) => identifyProcess(pid ?? 0))).toEqual([undefined, undefined]);
  expect(state.processes).toEqual([]);
});

test("a process that ends before it is ready fails the start with its last words", async () => {
  const { supervisor, state } = supervise();
  const broken = component("broken", {
    more: {
      launch: async () => ({
        command: process.execPath,
        args: ["-e", "console.error('no database');process.exit(3)"],
        env: process.env,
        stopTimeoutMs: 1_000,
      }),
    },
  });
  supervisor.plan(broken);
  await expect(supervisor.start([broken, 1])).rejects.toThrow(/broken ended with exit code 3\nno database/);
  expect(await supervisor.status()).toEqual([]);
  expect(state.processes).toEqual([]);
});

test("a program that is not there fails the start", async () => {
  const { supervisor } = supervise();
  const missing = component("missing", {
    more: {
      launch: async () => ({ command: "/no/such/program", args: [], env: process.env, stopTimeoutMs: 1_000 }),
    },
  });
  supervisor.plan(missing);
  await expect(supervisor.start([missing, 1])).rejects.toThrow("ENOENT");
});

test("a crashed process is started again, and its status tells of it", async () => {
  const { supervisor } = supervise();
  const nats = component("nats");
  supervisor.plan(nats);
  await supervisor.start([nats, 1]);
  const [before] = await supervisor.status();
  process.kill(before?.pid ?? 0, "SIGKILL");
  await expect.poll(() => supervisor.known()[0]?.state).toBe("waiting");
  expect(supervisor.known()[0]?.reasons).toEqual(["it ended with SIGKILL and starts again after 500 ms"]);
  await expect
    .poll(() => supervisor.known()[0], { timeout: 10_000 })
    .toMatchObject({
      state: "ready",
      restarts: 1,
      lastExit: "SIGKILL",
    });
  expect(supervisor.known()[0]?.pid).not.toBe(before?.pid);
});

test("a process that crashes again and again is waited for longer each time", async () => {
  const { supervisor, told } = supervise();
  const flaky = component("flaky", { script: "setTimeout(() => process.exit(1), 200)" });
  supervisor.plan(flaky);
  await supervisor.start([flaky, 1]);
  const waits = () => told.flatMap((line) => /starts again after (\d+) ms/.exec(line)?.[1] ?? []);
  await expect.poll(waits, { timeout: 15_000 }).toEqual(["500", "1000", "2000"]);
});

test("a process that is alive and cannot work is not ready, with its reasons, and ready again later", async () => {
  const { supervisor } = supervise();
  let reasons: string[] = [];
  const moody = component("moody", { more: { check: async () => reasons } });
  supervisor.plan(moody);
  await supervisor.start([moody, 1]);
  reasons = ["the disk is full"];
  expect(await supervisor.status()).toMatchObject([{ state: "not ready", reasons, restarts: 0 }]);
  reasons = [];
  expect(await supervisor.status()).toMatchObject([{ state: "ready", reasons: [] }]);
});

test("a restarted service's old process ends only when requests reach the new one", async () => {
  const { supervisor, told } = supervise();
  const events: string[] = [];
  const order = component("order", {
    scalable: true,
    more: {
      reachable: async () => {
        events.push(`reachable with ${told.filter((line) => line.startsWith("stopping")).length} stopped`);
      },
    },
  });
  supervisor.plan(order);
  await supervisor.start([order, 2]);
  await supervisor.restart("order");
  expect(events).toEqual(["reachable with 0 stopped", "reachable with 1 stopped"]);
  expect(await supervisor.status()).toMatchObject([{ state: "ready" }, { state: "ready" }]);
});

test("a service that nobody reaches is taken back, and the old one stays", async () => {
  const { supervisor } = supervise();
  const order = component("order", {
    scalable: true,
    more: { reachable: async () => Promise.reject(new Error("nobody reaches order")) },
  });
  supervisor.plan(order);
  await supervisor.start([order, 1]);
  const [before] = await supervisor.status();
  await expect(supervisor.restart("order")).rejects.toThrow("nobody reaches order");
  expect((await supervisor.status()).map(({ pid }) => pid)).toEqual([before?.pid]);
});

test("what can run only once ends before its successor starts", async () => {
  const { supervisor, told } = supervise();
  const nats = component("nats");
  supervisor.plan(nats);
  await supervisor.start([nats, 1]);
  told.length = 0;
  await supervisor.restart("nats");
  expect(told).toEqual(["stopping nats", "starting nats"]);
});

test("the number of instances follows what is asked for", async () => {
  const { supervisor } = supervise();
  const order = component("order", { scalable: true });
  supervisor.plan(order);
  await supervisor.start([order, 1]);
  await supervisor.scale("order", 3);
  expect(supervisor.known().map(({ name }) => name)).toEqual(["order-1", "order-2", "order-3"]);
  await supervisor.scale("order", 1);
  expect(supervisor.known().map(({ name }) => name)).toEqual(["order-1"]);
});

test("what there is not cannot be restarted, and what runs once not be counted", async () => {
  const { supervisor } = supervise();
  const nats = component("nats");
  supervisor.plan(nats);
  await supervisor.start([nats, 1]);
  expect(() => supervisor.restart("order")).toThrow(UnknownComponent);
  expect(() => supervisor.scale("nats", 2)).toThrow(UnknownComponent);
});

test("what others stand on stops last", async () => {
  const { supervisor, told } = supervise();
  const [database, order] = [component("database"), component("order", { scalable: true })];
  supervisor.plan(database, order);
  await supervisor.start([order, 1]);
  await supervisor.start([database, 1]);
  told.length = 0;
  await supervisor.stop();
  expect(told).toEqual(["stopping order", "stopping database"]);
});

test("everything stops also when its folder is gone", async () => {
  const { supervisor, layout } = supervise();
  const [database, order] = [component("database"), component("order", { scalable: true })];
  supervisor.plan(database, order);
  await supervisor.start([database, 1], [order, 2]);
  const pids = supervisor.known().map(({ pid }) => pid ?? 0);
  rmSync(layout.root, { recursive: true });
  await supervisor.stop();
  expect(pids.map(identifyProcess)).toEqual([undefined, undefined, undefined]);
});

test("a stop during a start leaves nothing", async () => {
  const { supervisor, state } = supervise();
  const slow = component("slow", { more: { check: async () => ["it takes its time"] } });
  supervisor.plan(slow);
  const started = supervisor.start([slow, 1]);
  await expect.poll(() => state.processes.length).toBe(1);
  await Promise.all([expect(started).rejects.toThrow("slow was stopped"), supervisor.stop()]);
  expect(state.processes).toEqual([]);
});

test("each process has a log of its own", async () => {
  const { supervisor, layout } = supervise();
  const order = component("order", { scalable: true });
  supervisor.plan(order);
  await supervisor.start([order, 2]);
  for (const name of ["order-1", "order-2"]) {
    expect(readFileSync(join(layout.logs, `${name}.log`), "utf8")).toBe("up\n");
  }
});
