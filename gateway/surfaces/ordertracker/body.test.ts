import { expect, test } from "vitest";
import { start } from "./testing/start.ts";

test.each([
  ["1.6", "{", 1, "Expecting property name enclosed in double quotes"],
  ["1.6", '{"a":}', 5, "Expecting value"],
  ["1.6", '{"a" 1}', 5, "Expecting ':' delimiter"],
  ["1.6", '{"a":1 "b":2}', 7, "Expecting ',' delimiter"],
  ["1.6", '{"a":1,}', 6, "Illegal trailing comma before end of object"],
  ["1.6", "[1, ]", 2, "Illegal trailing comma before end of array"],
  ["1.6", "{}x", 2, "Extra data"],
  ["1.6", '"abc', 0, "Unterminated string starting at"],
  ["1.6", '"\\x"', 1, "Invalid \\escape"],
  ["1.6", '"\\u12"', 2, "Invalid \\uXXXX escape"],
  ["1.6", '{"a":"\u0001"}', 6, "Invalid control character at"],
  ["1.6", "  ", 2, "Expecting value"],
  ["7.1", '{"é": nope}', 6, "Expecting value"],
  ["7.1", '{"a":NaN}', 5, "Expecting value"],
  ["7.1", '"\\ud800"', 2, "Invalid \\uXXXX escape"],
])("ordertracker %s broken JSON %j", async (_section, body, offset, error) => {
  const { ask } = await start();
  const answer = await ask("POST /product", body);
  expect(answer.status).toBe(422);
  expect(answer.json).toEqual({
    detail: [{ type: "json_invalid", loc: ["body", offset], msg: "JSON decode error", input: {}, ctx: { error } }],
  });
});

test.each([
  ["7.1 invalid UTF-8", Uint8Array.of(0x22, 0xff, 0x22)],
  ["7.1 nesting deeper than Python's reader goes", "[".repeat(2000)],
])("ordertracker %s", async (_name, body) => {
  const { ask } = await start();
  const answer = await ask("POST /product", body);
  expect(answer.status).toBe(400);
  expect(answer.body).toBe('{"detail":"There was an error parsing the body"}');
});

test("ordertracker 7.1 compressed bytes are no JSON", async () => {
  const { ask } = await start();
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  expect(await ask("POST /product", Uint8Array.of(0x1f, 0x8b), headers)).toMatchObject({ status: 400 });
});

test.each([undefined, "application/json", "APPLICATION/JSON", "application/vnd.shop+json; charset=utf-8"])(
  "ordertracker 7.2 content type %s is parsed",
  async (contentType) => {
    const { ask } = await start();
    const headers: Record<string, string> = contentType === undefined ? {} : { "content-type": contentType };
    expect((await ask("POST /product", "{}", headers)).json).toMatchObject({
      detail: expect.arrayContaining([expect.objectContaining({ type: "missing", loc: ["body", "user_name"] })]),
    });
  },
);

test.each(["text/plain", "application/x-www-form-urlencoded", "application/jsonx"])(
  "ordertracker 7.2 content type %s is text",
  async (contentType) => {
    const { ask } = await start();
    const answer = await ask("POST /product", '{"é":1}', { "content-type": contentType });
    expect(answer.status).toBe(422);
    expect(answer.body).toBe(
      '{"detail":[{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":"{\\"é\\":1}"}]}',
    );
  },
);
