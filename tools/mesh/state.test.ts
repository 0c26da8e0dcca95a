import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/support/temporary.ts";
import { State } from "./state.ts";

const order = { pid: 4711, startTime: "boot/100" };

test("who comes after a crash finds what was started", () => {
  const path = join(temporaryDirectory("state"), "state.json");
  const state = new State(path);
  state.addProcess("order-1", order, "SIGTERM");
  expect(new State(path).processes).toEqual([{ name: "order-1", ...order, signal: "SIGTERM" }]);
});

test("a process that ended is forgotten, another with its number is not", () => {
  const path = join(temporaryDirectory("state"), "state.json");
  const state = new State(path);
  state.addProcess("order-1", order, "SIGTERM");
  state.addProcess("order-2", { ...order, startTime: "boot/200" }, "SIGTERM");
  state.removeProcess(order);
  expect(new State(path).processes.map(({ name }) => name)).toEqual(["order-2"]);
});

test("a damaged file counts as none", () => {
  const path = join(temporaryDirectory("state"), "state.json");
  writeFileSync(path, "{ half");
  const state = new State(path);
  state.keepPorts({ edge: 8443 });
  expect(JSON.parse(readFileSync(path, "utf8")).ports).toEqual({ edge: 8443 });
});
