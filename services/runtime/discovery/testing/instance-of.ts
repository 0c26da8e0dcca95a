import type { Instance } from "../instance.ts";

/** An order service under this id, as it registers itself. */
export function instanceOf(instanceId: string, more: Partial<Instance> = {}): Omit<Instance, "state"> {
  return {
    service: "order",
    instanceId,
    rpcServices: ["ordermesh.order.v1.OrderService"],
    address: "127.0.0.1",
    port: 8080,
    zone: "",
    version: "0.1.0",
    protocols: ["h2", "http/1.1"],
    startedAt: Date.now(),
    ...more,
  };
}
