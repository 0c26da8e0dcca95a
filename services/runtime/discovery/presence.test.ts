import { beforeEach, expect, test } from "vitest";
import type { Instance } from "./instance.ts";
import { Presence } from "./presence.ts";

const silenceMs = 6_000;
const probeMs = 1_000;
let presence: Presence;

beforeEach(() => {
  presence = new Presence(silenceMs);
});

function instance(instanceId: string, more: Partial<Instance> = {}): Instance {
  return {
    service: "order",
    instanceId,
    rpcServices: [],
    address: "127.0.0.1",
    port: 8080,
    zone: "",
    version: "1",
    protocols: ["h2", "http/1.1"],
    startedAt: 0,
    state: "ready",
    ...more,
  };
}

const ids = () => presence.instances.map(({ instanceId }) => instanceId);

/** The registry answers every second from `from` to `to`; the times at which somebody was found gone. */
function answering(from: number, to: number): number[] {
  const gone: number[] = [];
  for (let now = from; now <= to; now += probeMs) if (presence.answered(now)) gone.push(now);
  return gone;
}

test("a heartbeat tells nothing new, a change does", () => {
  expect(presence.seen(instance("order-a"), 0)).toBe(true);
  expect(presence.seen(instance("order-a"), 2_000)).toBe(false);
  expect(presence.seen(instance("order-a", { state: "draining" }), 3_000)).toBe(true);
});

test("instances are in the order of their ids, whoever came first", () => {
  for (const id of ["order-c", "order-a", "order-b"]) presence.seen(instance(id), 0);
  expect(ids()).toEqual(["order-a", "order-b", "order-c"]);
});

test("who is silent for as long as may be is gone, the others stay", () => {
  answering(0, 0);
  presence.seen(instance("order-a"), 0);
  presence.seen(instance("order-b"), 4_000);
  expect(answering(1_000, 8_000)).toEqual([7_000]);
  expect(ids()).toEqual(["order-b"]);
});

test("nobody is gone before the registry has answered", () => {
  presence.seen(instance("order-a"), 0);
  expect(ids()).toEqual(["order-a"]);
  expect(presence.answered(60_000)).toBe(false);
  expect(ids()).toEqual(["order-a"]);
});

test("while the registry is away nobody is gone; after it is back everybody has the whole time again", () => {
  presence.seen(instance("order-a"), 0);
  answering(0, 2_000);
  presence.lost();
  expect(answering(20_000, 26_000)).toEqual([]);
  expect(presence.answered(27_000)).toBe(true);
});

test("a registry that hangs, or a process that slept, is away, too: nothing tells of it but the clock", () => {
  presence.seen(instance("order-a"), 0);
  answering(0, 2_000);
  expect(answering(60_000, 66_000)).toEqual([]);
  expect(ids()).toEqual(["order-a"]);
});

test("whether the registry answers is told in time", () => {
  expect(presence.hears(0)).toBe(false);
  presence.answered(0);
  expect(presence.hears(3_000)).toBe(true);
  expect(presence.hears(3_001)).toBe(false);
  presence.answered(4_000);
  presence.lost();
  expect(presence.hears(4_000)).toBe(false);
});

test("who leaves is gone at once, and news of that is newer than what was asked before", () => {
  presence.seen(instance("order-a"), 0);
  expect(presence.left("order.order-a", 100)).toBe(true);
  expect(presence.left("order.order-a", 101)).toBe(false);
  expect(presence.heardOf("order.order-a", 100)).toBe(true);
  expect(presence.heardOf("order.order-a", 102)).toBe(false);
  expect(ids()).toEqual([]);
});
