import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";

let child: ChildProcess | undefined;

afterEach(() => {
  if (child?.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
});

/** Runs a program whose parts are given as source, and waits for its `ready` line or its end. */
async function run(parts: string, options = "drainTimeoutMs: 500") {
  const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
  const script = `
    import { setTimeout as sleep } from "node:timers/promises";
    import { createLogger } from ${module("../telemetry/logger.ts")};
    import { createLifecycle } from ${module("./lifecycle.ts")};
    import { createReadiness } from ${module("./readiness.ts")};
    import { runProcess } from ${module("./run-process.ts")};
    import { StartupError } from ${module("./startup-error.ts")};
    const log = createLogger({ service: "test" });
    const say = (text) => process.stdout.write(text + "\\n");
    const lifecycle = createLifecycle({ log, readiness: createReadiness(), ${options} });
    lifecycle.add({ name: "process", start() { this.timer = setInterval(() => {}, 1000); }, stop() { clearInterval(this.timer); say("last stop"); } });
    for (const part of ${parts}) lifecycle.add(part);
    await runProcess(lifecycle, { log, onReady: () => say("ready") });`;
  const spawned = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "pipe"] });
  child = spawned;
  let out = "";
  let err = "";
  spawned.stdout.on("data", (chunk) => {
    out += chunk;
  });
  spawned.stderr.on("data", (chunk) => {
    err += chunk;
  });
  const ended = once(spawned, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  const saw = async (text: string) => {
    while (!out.includes(text)) await once(spawned.stdout, "data");
  };
  return {
    saw,
    signal: (name: NodeJS.Signals) => spawned.kill(name),
    async end() {
      const [code, signal] = await ended;
      return { code, signal, out: out.trim().split("\n"), err };
    },
  };
}

describe("a signal", () => {
  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("%s stops in order, with exit code 0", async (name) => {
    const program = await run(`[{ name: "server", stop: async () => { await sleep(50); say("drained"); } }]`);
    await program.saw("ready");
    program.signal(name);
    const { code, out, err } = await program.end();
    expect(out).toEqual(["ready", "drained", "last stop"]);
    expect(code).toBe(0);
    expect(err).toContain(`"reason":"${name}","msg":"stopping"`);
  });

  test("what does not stop in time is left, with exit code 1", async () => {
    const program = await run(`[{ name: "server", stop: () => new Promise(() => {}) }]`, "drainTimeoutMs: 100");
    await program.saw("ready");
    program.signal("SIGTERM");
    const { code, out, err } = await program.end();
    expect(code).toBe(1);
    expect(out.at(-1)).toBe("last stop");
    expect(err).toContain("did not stop in time");
  });

  test("the second one ends the process at once", async () => {
    const program = await run(
      `[{ name: "server", stop: () => { say("draining"); return sleep(60_000); } }]`,
      "drainTimeoutMs: 60_000",
    );
    await program.saw("ready");
    program.signal("SIGTERM");
    await program.saw("draining");
    program.signal("SIGINT");
    const { code, out } = await program.end();
    expect(code).toBe(130);
    expect(out).not.toContain("last stop");
  });

  test("during the start it stops what has started and prints no ready line", async () => {
    const program = await run(
      `[{ name: "slow", start: () => { say("starting"); return sleep(100); } }, { name: "x", start() { say("x"); } }]`,
    );
    await program.saw("starting");
    program.signal("SIGTERM");
    const { code, out } = await program.end();
    expect(out).toEqual(["starting", "last stop"]);
    expect(code).toBe(0);
  });
});

describe("an error that nobody caught", () => {
  test.each([
    ["exception", `setTimeout(() => { throw new Error("boom"); }, 20)`, "uncaughtException"],
    ["rejection", `setTimeout(() => { Promise.reject(new Error("boom")); }, 20)`, "unhandledRejection"],
  ])("%s: logged, drained, exit code 1", async (_name, source, event) => {
    const program = await run(
      `[{ name: "x", start() { ${source}; }, stop: async () => { await sleep(20); say("drained"); } }]`,
    );
    const { code, out, err } = await program.end();
    expect(code).toBe(1);
    expect(out).toEqual(["ready", "drained", "last stop"]);
    const line = err.split("\n").find((text) => text.includes(event)) ?? "";
    expect(JSON.parse(line)).toMatchObject({ level: "fatal", err: { message: "boom" } });
  });

  test("another one while draining does not cut the draining short", async () => {
    const program = await run(
      `[{ name: "x", start() { setTimeout(() => { throw new Error("one"); }, 20); },
          stop: async () => { setTimeout(() => { throw new Error("two"); }, 5); await sleep(50); say("drained"); } }]`,
    );
    const { code, out } = await program.end();
    expect(code).toBe(1);
    expect(out).toContain("drained");
  });
});

describe("a start that fails", () => {
  test("StartupError: its line and its exit code, no stack", async () => {
    const program = await run(
      `[{ name: "x", start() { throw new StartupError("port 1 is in use", "set PORT", { exitCode: 3 }); } }]`,
    );
    const { code, out, err } = await program.end();
    expect(code).toBe(3);
    expect(out).toEqual(["last stop"]);
    expect(err.trim().split("\n")).toContain("port 1 is in use: set PORT");
    expect(err).not.toContain("    at ");
  });

  test("anything else: its stack and exit code 1", async () => {
    const program = await run(`[{ name: "x", start() { throw new TypeError("defect"); } }]`);
    const { code, err } = await program.end();
    expect(code).toBe(1);
    expect(err).toMatch(/TypeError: defect\n {4}at /);
  });
});
