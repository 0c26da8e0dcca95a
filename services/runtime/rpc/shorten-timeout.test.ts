import { expect, test } from "vitest";
import { shortenTimeout } from "./shorten-timeout.ts";

test.each([
  ["grpc-timeout", "3456000S", "2147483S"],
  ["grpc-timeout", "99999999H", "2147483S"],
  ["grpc-timeout", "36000M", "2147483S"],
  ["grpc-timeout", "2147483S", "2147483S"],
  ["grpc-timeout", "35791M", "35791M"],
  ["grpc-timeout", "596H", "596H"],
  ["grpc-timeout", "99999999m", "99999999m"],
  ["grpc-timeout", "999999999S", "999999999S"],
  ["grpc-timeout", "soon", "soon"],
  ["connect-timeout-ms", "2147483647", "2147483647"],
  ["connect-timeout-ms", "2147483648", "2147483647"],
  ["connect-timeout-ms", "99999999999", "99999999999"],
])("%s: %s becomes %s", (name, given, expected) => {
  const header = new Headers({ [name]: given });
  shortenTimeout(header);
  expect([...header]).toEqual([[name, expected]]);
});

test("a request without a timeout stays without", () => {
  const header = new Headers({ accept: "a" });
  shortenTimeout(header);
  expect([...header]).toEqual([["accept", "a"]]);
});
