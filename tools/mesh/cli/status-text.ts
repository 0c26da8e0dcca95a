import type { MeshStatus } from "../control/mesh-status.ts";
import type { InstanceStatus } from "../instance.ts";
import { duration, table } from "./table.ts";

/** What runs where, one line each. */
export function componentTable(components: readonly InstanceStatus[]): string {
  const rows = components.map(({ name, state, pid, port, uptimeMs, restarts, reasons, log }) => [
    name,
    state,
    pid === undefined ? "-" : String(pid),
    port === undefined ? "-" : `127.0.0.1:${port}`,
    uptimeMs === undefined ? "-" : duration(uptimeMs),
    String(restarts),
    reasons.join("; ") || log,
  ]);
  return table([["NAME", "STATE", "PID", "ADDRESS", "UP", "RESTARTS", "LOG, OR WHY NOT READY"], ...rows]);
}

export function statusText(status: MeshStatus): string {
  const { components, controlPlane, pendingMigrations, problems } = status;
  const instances = (controlPlane?.instances ?? []).map(({ service, instanceId, address, port, version, state }) => [
    service,
    instanceId,
    `${address}:${port}`,
    version,
    state,
  ]);
  return [
    `${status.edge}  ${status.healthy ? "healthy" : `not healthy (${status.phase})`}, up ${duration(status.uptimeMs)}, supervisor ${status.pid}\n`,
    componentTable(components),
    instances.length === 0 ? "" : table([["SERVICE", "INSTANCE", "ADDRESS", "VERSION", "STATE"], ...instances]),
    controlPlane === undefined
      ? ""
      : `last refused configuration: ${controlPlane.lastNack === undefined ? "none" : JSON.stringify(controlPlane.lastNack)}\n`,
    pendingMigrations === undefined ? "" : `pending migrations: ${pendingMigrations.join(", ") || "none"}\n`,
    problems.map((problem) => `problem: ${problem}\n`).join(""),
  ]
    .filter((part) => part !== "")
    .join("\n");
}
