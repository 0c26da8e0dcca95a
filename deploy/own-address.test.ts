import { expect, test } from "vitest";
import { ownAddress } from "./own-address.ts";

test("is the one on the way to the peer", async () => {
  expect(await ownAddress({ hostname: "127.0.0.1", port: "4222" })).toBe("127.0.0.1");
});

test("is the operator's to say where there is no way", async () => {
  const unknown = ownAddress({ hostname: "nats.invalid", port: "4222" });
  await expect(unknown).rejects.toThrow(/^this container has no way to nats.invalid \(.*\): set ADVERTISE_HOST/);
});
