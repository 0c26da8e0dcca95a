import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../../test/support/temporary.ts";
import { meshValues } from "./cli/command.ts";
import { choosePorts } from "./ports.ts";
import { State } from "./state.ts";

const allFree = Object.fromEntries(
  ["EDGE", "LISTENER", "CONTROL_PLANE", "NATS", "DATABASE"].map((name) => [`MESH_${name}_PORT`, "0"]),
);

test("every part gets a port of its own, and the same one the next time", async () => {
  const path = join(temporaryDirectory("ports"), "state.json");
  const first = await choosePorts(meshValues(allFree), new State(path), () => {});
  expect(new Set(Object.values(first)).size).toBe(5);
  expect(await choosePorts(meshValues(allFree), new State(path), () => {})).toEqual(first);
});

test("a busy port is replaced by a free one, and that is told", async () => {
  const busy = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void busy.close());
  await once(busy, "listening");
  const port = String((busy.address() as { port: number }).port);
  const told: string[] = [];
  const state = new State(join(temporaryDirectory("ports"), "state.json"));
  const { edge } = await choosePorts(meshValues({ ...allFree, MESH_EDGE_PORT: port }), state, (line) =>
    told.push(line),
  );
  expect(edge).not.toBe(Number(port));
  expect(told).toEqual([`port ${port} is busy: MESH_EDGE_PORT is ${edge} this time`]);
});
