import { expect, test } from "vitest";
import { parseScale } from "./options.ts";

test.each([
  ["order=3", { order: 3 }],
  ["order=2, gateway=4", { order: 2, gateway: 4 }],
])("%s", (text, scale) => {
  expect(parseScale(text)).toEqual(scale);
});

test.each(["", "order", "order=", "order=0", "order=-1", "order=x", "nats=2", "order=2,"])("%j is no scale", (text) => {
  expect(() => parseScale(text)).toThrow("order=2");
});
