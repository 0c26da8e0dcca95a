import { expect, test } from "vitest";
import { maskUrlCredentials } from "./mask-url.ts";

test.each([
  ["mysql://root:secret@db:3306/orders", "mysql://root:***@db:3306/orders"],
  ["postgres://app@db/orders", "postgres://app@db/orders"],
  ["postgres://app:p@ss/word@db/orders", "postgres://app:***@db/orders"],
  ["postgres://db/orders?user=app&password=secret&ssl=1", "postgres://db/orders?user=app&password=***&ssl=1"],
  ["nats://token@a:4222,nats://u:p@b:4222", "nats://***@a:4222,nats://u:***@b:4222"],
  ["cannot reach mysql://a:b@h and pg://c:d@h", "cannot reach mysql://a:***@h and pg://c:***@h"],
  ["https://issuer/keys", "https://issuer/keys"],
  ["no url: a@b", "no url: a@b"],
])("%s", (text, masked) => {
  expect(maskUrlCredentials(text)).toBe(masked);
});
