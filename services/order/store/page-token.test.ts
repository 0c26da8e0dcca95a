import { ConnectError } from "@connectrpc/connect";
import { reasonOf, violationsOf } from "@ordermesh/runtime/errors/inspect.ts";
import { describe, expect, test } from "vitest";
import { decodePageToken, encodePageToken, nextPageToken, readPageToken } from "./page-token.ts";

const key = { createdAt: Date.UTC(2026, 0, 2), id: "a-1" };
const token = nextPageToken(key, ["lin", 1, undefined]);

function refusal(work: () => unknown): ConnectError {
  try {
    work();
  } catch (error) {
    if (error instanceof ConnectError) return error;
  }
  throw new Error("nothing was refused");
}

describe("page tokens", () => {
  test("give back their key to the same query", () => {
    expect(readPageToken(token, ["lin", 1, undefined])).toEqual(key);
  });

  test("an empty token is the first page", () => {
    expect(readPageToken("", ["lin"])).toBeUndefined();
  });

  test("are refused by a query with other filters", () => {
    const error = refusal(() => readPageToken(token, ["lin", 2, undefined]));
    expect(reasonOf(error)).toBe("VALIDATION");
    expect(violationsOf(error)).toMatchObject([{ field: "page_token" }]);
  });

  test("filters do not run into each other", () => {
    expect(nextPageToken(key, ["a", "b"])).not.toBe(nextPageToken(key, ["ab", ""]));
  });

  test.each([
    ["no base64", "%%%"],
    ["no JSON", Buffer.from("[1,").toString("base64url")],
    ["no array", Buffer.from('{"a":1}').toString("base64url")],
    ["nested", Buffer.from("[[1]]").toString("base64url")],
    ["a fraction", Buffer.from("[1.5]").toString("base64url")],
    ["another spelling", `${token}=`],
    ["other blanks", Buffer.from('[1, "a"]').toString("base64url")],
  ])("%s is no token", (_name, text) => {
    expect(reasonOf(refusal(() => decodePageToken(text)))).toBe("VALIDATION");
  });

  test.each([
    ["too few parts", [key.createdAt]],
    ["too many parts", [...decodePageToken(token), 1]],
    ["a time that no database stores", [8.64e15, "a", decodePageToken(token)[2] ?? ""]],
    ["a NUL", [1, "\0", decodePageToken(token)[2] ?? ""]],
  ])("%s is no key", (_name, parts) => {
    expect(reasonOf(refusal(() => readPageToken(encodePageToken(parts), ["lin", 1, undefined])))).toBe("VALIDATION");
  });
});
