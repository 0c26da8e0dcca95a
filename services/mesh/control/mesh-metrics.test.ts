import type { Instance } from "@ordermesh/runtime/discovery/instance.ts";
import { createMetrics } from "@ordermesh/runtime/telemetry/metrics.ts";
import { createSnapshot } from "envoy-config-tools/xds/snapshot.ts";
import { cluster } from "envoy-config-tools/xds/testing/resources.ts";
import { expect, test } from "vitest";
import type { MeshView } from "../rpc/mesh-service.ts";
import { createMeshMetrics } from "./mesh-metrics.ts";

const node = { id: "envoy-1", cluster: "c", zone: "", userAgent: "envoy" };

function setUp(instances: readonly Pick<Instance, "service" | "state">[] = []) {
  const metrics = createMetrics({ process: false });
  const snapshot = createSnapshot({ clusters: [cluster("order")] });
  const view: MeshView = {
    definitions: [{ name: "order", rpcServices: [] }],
    instances: () => instances as readonly Instance[],
    snapshot: () => snapshot,
    proxies: () => [],
    registryProblem: () => undefined,
  };
  const onEvent = createMeshMetrics(metrics, view);
  return { onEvent, text: async () => (await metrics.render()).body };
}

test("instances are counted by service and state, a known service without any as none", async () => {
  const { text } = setUp([{ service: "gateway", state: "draining" }]);
  expect(await text()).toContain('mesh_instances{service="order",state="ready"} 0');
  expect(await text()).toContain('mesh_instances{service="gateway",state="draining"} 1');
});

test("what is served is counted by type", async () => {
  expect(await setUp().text()).toContain('mesh_resources{type="cluster"} 1');
});

test("a refusal of a proxy is counted", async () => {
  const { onEvent, text } = setUp();
  onEvent({ kind: "rejected", node, type: "route", version: "v", reason: "no", names: [] });
  expect(await text()).toContain('mesh_config_replies_total{type="route",reply="rejected"} 1');
});
