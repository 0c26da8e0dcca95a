import { describe, expect, test } from "vitest";
import { ResponseReader } from "./response-reader.ts";

const withLength = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const chunked = "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n";
const withoutBody = "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n";

/** The answers to a response that comes in pieces of `size` bytes. */
function read(response: string, size: number): (string | undefined)[] {
  const reader = new ResponseReader();
  const pieces = response.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
  return pieces.map((piece) => {
    const answer = reader.push(Buffer.from(piece));
    return answer && `${answer.status} ${answer.body}`;
  });
}

describe.each([
  ["with a length", withLength, "200 hello"],
  ["chunked", chunked, "201 hello"],
  ["without a body", withoutBody, "204 "],
])("a response %s", (_, response, expected) => {
  test.each([1, 2, 7, 1000])("in pieces of %i bytes is whole with the last", (size) => {
    const answers = read(response, size);
    expect(answers.pop()).toBe(expected);
    expect(answers.every((answer) => answer === undefined)).toBe(true);
  });
});

test("one reader reads response after response", () => {
  const reader = new ResponseReader();
  expect([withLength, chunked].map((response) => reader.push(Buffer.from(response))?.status)).toEqual([200, 201]);
});

test("what is no HTTP/1.1 response is refused", () => {
  expect(() => read("220 mail ready\r\n\r\n", 100)).toThrow("no HTTP/1.1 response: 220 mail");
});
