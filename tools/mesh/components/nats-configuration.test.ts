import { expect, test } from "vitest";
import { certificateFiles } from "../certificates/store.ts";
import { natsConfiguration } from "./nats-configuration.ts";

test("the order service may note how often it has tried a message, and give one up", () => {
  const files = certificateFiles("/certs", "nats");
  const text = natsConfiguration({ listen: { host: "127.0.0.1", port: 0 }, store: "/store", files, syncs: true });
  const [line] = text.split("\n").filter((each) => each.includes("/order"));
  expect(line).toContain('"attempts.>"');
  expect(line).toContain('"dlq.>"');
});
