import type { Metrics } from "@ordermesh/runtime/telemetry/metrics.ts";
import type { ControlPlaneEvent } from "envoy-config-tools/xds/control-plane.ts";
import { resourceType, typeUrls } from "envoy-config-tools/xds/resource-type.ts";
import type { MeshView } from "../rpc/mesh-service.ts";

/** Counts what happens between the control plane and its proxies; the result is told of every event. */
export function createMeshMetrics(metrics: Metrics, view: MeshView): (event: ControlPlaneEvent) => void {
  metrics.gauge({
    name: "mesh_instances",
    help: "Registered instances, by service and state.",
    labels: ["service", "state"],
    collect(gauge) {
      gauge.reset();
      for (const { name } of view.definitions) for (const state of states) gauge.set({ service: name, state }, 0);
      for (const { service, state } of view.instances()) gauge.inc({ service, state });
    },
  });
  metrics.gauge({
    name: "mesh_proxies",
    help: "Connected proxies, by whether they have all that they are to have.",
    labels: ["state"],
    collect(gauge) {
      const connected = view.proxies().filter((proxy) => proxy.connected);
      const inSync = connected.filter(({ status }) => status.types.every((type) => type.inSync)).length;
      gauge.set({ state: "in_sync" }, inSync);
      gauge.set({ state: "behind" }, connected.length - inSync);
    },
  });
  metrics.gauge({
    name: "mesh_resources",
    help: "Resources that are served, by type.",
    labels: ["type"],
    collect(gauge) {
      for (const url of [typeUrls.cluster, typeUrls.endpoint, typeUrls.listener, typeUrls.route]) {
        gauge.set({ type: resourceType(url).label }, view.snapshot().resources(url).size);
      }
    },
  });
  const replies = metrics.counter({
    name: "mesh_config_replies_total",
    help: "Answers of proxies to what they were sent, by type; rejected: NACK.",
    labels: ["type", "reply"],
  });
  return (event) => {
    if (event.kind === "acked" || event.kind === "rejected") replies.inc({ type: event.type, reply: event.kind });
  };
}

const states = ["ready", "draining"] as const;
