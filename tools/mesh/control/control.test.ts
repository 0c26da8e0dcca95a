import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary.ts";
import { UnknownComponent } from "../supervisor.ts";
import { askControl, BadRequest, NotRunning } from "./control-client.ts";
import { type ControlHandlers, serveControl } from "./control-server.ts";

async function serve(handlers: ControlHandlers): Promise<string> {
  const socket = join(temporaryDirectory("c"), "control.sock");
  const server = await serveControl(socket, handlers);
  onTestFinished(() => server.close());
  return socket;
}

test("a command has parameters, says what it does, and has a result", async () => {
  const socket = await serve({
    "/restart": async (parameters, say) => {
      say(`stopping ${parameters.get("component")}`);
      return { restarted: 2 };
    },
  });
  const lines: string[] = [];
  expect(await askControl(socket, "/restart", { component: "order" }, (line) => lines.push(line))).toEqual({
    restarted: 2,
  });
  expect(lines).toEqual(["stopping order"]);
});

test("a command without a result ends, too", async () => {
  const socket = await serve({ "/reload": async () => undefined });
  expect(await askControl(socket, "/reload")).toBeNull();
});

test("what went wrong there goes wrong here", async () => {
  const socket = await serve({ "/scale": async () => Promise.reject(new Error("the disk is full")) });
  await expect(askControl(socket, "/scale")).rejects.toThrow("the disk is full");
});

test("a command that makes no sense is told from one that failed", async () => {
  const socket = await serve({ "/restart": async () => Promise.reject(new UnknownComponent("there is no x")) });
  await expect(askControl(socket, "/restart")).rejects.toBeInstanceOf(BadRequest);
  await expect(askControl(socket, "/other")).rejects.toBeInstanceOf(BadRequest);
});

test("nobody there", async () => {
  await expect(askControl(join(temporaryDirectory("c"), "none.sock"), "/status")).rejects.toBeInstanceOf(NotRunning);
});

test("a socket that a dead supervisor left is no obstacle", async () => {
  const socket = join(temporaryDirectory("c"), "control.sock");
  writeFileSync(socket, "");
  const server = await serveControl(socket, { "/ping": async () => "pong" });
  onTestFinished(() => server.close());
  expect(await askControl(socket, "/ping")).toBe("pong");
});
