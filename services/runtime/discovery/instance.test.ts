import { expect, test } from "vitest";
import { decodeInstance, encodeInstance, type Instance, instanceKey, newInstanceId } from "./instance.ts";

const instance: Instance = {
  service: "order",
  instanceId: newInstanceId("order"),
  rpcServices: ["ordermesh.order.v1.OrderService"],
  address: "10.0.0.7",
  port: 8080,
  zone: "eu-1",
  version: "0.1.0",
  protocols: ["h2", "http/1.1"],
  startedAt: 1_800_000_000_000,
  state: "ready",
};

test("an instance is read as it was written", () => {
  expect(decodeInstance(instanceKey(instance), encodeInstance(instance))).toEqual(instance);
});

test("ids are unique and begin with the service's name", () => {
  const ids = new Set(Array.from({ length: 1000 }, () => newInstanceId("order")));
  expect(ids.size).toBe(1000);
  for (const id of ids) expect(id).toMatch(/^order-[0-9a-f]{12}$/);
});

test("a later version's fields are no reason to refuse an instance", () => {
  const later = JSON.stringify({ ...instance, weight: 3 });
  expect(decodeInstance(instanceKey(instance), later)).toEqual(instance);
});

test.each<[string, string]>([
  ["no JSON", "order"],
  ["no object", "7"],
  ["without a port", JSON.stringify({ ...instance, port: undefined })],
  ["with a port that is none", JSON.stringify({ ...instance, port: 0 })],
  ["with an address that is none", JSON.stringify({ ...instance, address: "a b" })],
  ["with an unknown state", JSON.stringify({ ...instance, state: "asleep" })],
  ["another's", JSON.stringify({ ...instance, instanceId: "order-other" })],
])("a value that is %s is no instance", (_, value) => {
  expect(decodeInstance(instanceKey(instance), value)).toBeUndefined();
});
