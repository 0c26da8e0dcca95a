import { describe, expect, test } from "vitest";
import { messagesOf } from "./messages.ts";

async function read(...chunks: readonly (string | Uint8Array)[]) {
  async function* input() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const batches = [];
  for await (const { messages, lastLine } of messagesOf(input())) {
    batches.push({ lines: messages.map(({ data }) => Buffer.from(data).toString("latin1")), lastLine });
  }
  return batches;
}

describe("the lines of an export", () => {
  test("are joined where a chunk ends in the middle", async () => {
    expect(await read("on", "e\ntw", "o")).toEqual([{ lines: ["one", "two"], lastLine: 2 }]);
  });

  test("keep their bytes, whatever they are", async () => {
    expect(await read(Uint8Array.of(0xff, 0x00, 0x0a))).toEqual([{ lines: ["\xff\x00"], lastLine: 1 }]);
  });

  test("lose a carriage return at their end, and empty ones are left out", async () => {
    expect(await read("a\r\n\r\n\nb\n")).toEqual([{ lines: ["a", "b"], lastLine: 4 }]);
  });

  test("come in batches of 500, each with the number of its last line", async () => {
    const batches = await read("x\n".repeat(1001));
    expect(batches.map(({ lines, lastLine }) => [lines.length, lastLine])).toEqual([
      [500, 500],
      [500, 1000],
      [1, 1001],
    ]);
  });

  test("come in batches that fit a request", async () => {
    const batches = await read(`${"x".repeat(300_000)}\n`.repeat(3));
    expect(batches.map(({ lines }) => lines.length)).toEqual([1, 1, 1]);
  });

  test("may not be longer than a message", async () => {
    await expect(read("ok\n", "x".repeat(983_042))).rejects.toThrow("line 2 is longer than 983040 bytes");
  });

  test("of an empty file are none", async () => {
    expect(await read("")).toEqual([]);
  });
});
