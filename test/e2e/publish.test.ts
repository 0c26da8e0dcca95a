import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runProgram, startInstance } from "../support/instance.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const publish = "services/order/cli/publish.ts";

describe("seckill:publish", () => {
  test("publishes a file's lines as they are, empty ones left out", async () => {
    const directory = temporaryDirectory("publish");
    const { url } = await startInstance({ DATA_DIR: directory });
    const file = join(directory, "messages.jsonl");
    writeFileSync(file, 'not json\n\n{"order_id":""}\r\nlast');
    const { code, err } = await runProgram(publish, [file], { ORDERMESH_URL: url });
    expect(err).toMatch(/^3 messages published to http:\/\/127\.0\.0\.1:\d+ in [\d.]+ s\n$/);
    expect(code).toBe(0);
  });

  test("reads standard input", async () => {
    const { url } = await startInstance({ DATA_DIR: temporaryDirectory("publish") });
    const lines = Array.from({ length: 1200 }, (_, i) => `not json ${i}\n`).join("");
    const { code, err } = await runProgram(publish, ["-"], { ORDERMESH_URL: url }, lines);
    expect(err).toContain("1200 messages published");
    expect(code).toBe(0);
  });

  test("an instance that is not there: one line that says how to go on", async () => {
    const { code, err } = await runProgram(publish, ["-"], { ORDERMESH_URL: "http://127.0.0.1:1" }, "x\n");
    expect(code).toBe(1);
    expect(err).toMatch(
      /^stopped after line 0 \(0 published to http:\/\/127\.0\.0\.1:1\): .*run the same command again.*\n$/,
    );
  });

  test("a NATS server that is not there: one line within five seconds", async () => {
    const started = performance.now();
    const { code, err } = await runProgram(publish, ["-"], { NATS_URL: "nats://127.0.0.1:1" }, "x\n");
    expect(performance.now() - started).toBeLessThan(6000);
    expect(code).toBe(1);
    expect(err).toMatch(
      /^NATS at 127\.0\.0\.1:1 cannot be reached: CONNECTION_REFUSED: start it, or correct NATS_URL\n$/,
    );
  });

  test("a file that is not there: exit code 2", async () => {
    const { code, err } = await runProgram(publish, ["/nowhere.jsonl"], {});
    expect(code).toBe(2);
    expect(err).toBe("cannot read /nowhere.jsonl: ENOENT\n");
  });

  test("no file: exit code 2 and the usage", async () => {
    const { code, err } = await runProgram(publish, [], {});
    expect(code).toBe(2);
    expect(err).toContain("usage: npm run seckill:publish -- FILE");
  });
});
