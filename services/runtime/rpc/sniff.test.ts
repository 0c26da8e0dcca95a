import { describe, expect, test } from "vitest";
import { httpVersionOf } from "./sniff.ts";

describe("httpVersionOf", () => {
  test.each([
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "h2"],
    ["PRI ", "h2"],
    ["PRI", undefined],
    ["P", undefined],
    ["POST / HTTP/1.1", "http/1.1"],
    ["PUT", "http/1.1"],
    ["PR0", "http/1.1"],
    ["PROPFIND / HTTP/1.1", "http/1.1"],
    ["G", "http/1.1"],
    ["\u0016\u0003\u0001", "http/1.1"],
  ])("%j", (bytes, version) => {
    expect(httpVersionOf(Buffer.from(bytes, "latin1"))).toBe(version);
  });
});
