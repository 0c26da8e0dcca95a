import { sendsRequestsTo } from "../components/envoy-admin.ts";
import { reasonOf } from "../components/https.ts";
import type { InstanceStatus } from "../instance.ts";
import type { PreparedMesh } from "../mesh.ts";
import { scalableServices } from "../options.ts";
import type { Supervisor } from "../supervisor.ts";
import { type ControlPlaneView, viewControlPlane } from "./control-plane-view.ts";

/** What `mesh:status --json` prints. */
export interface MeshStatus {
  /** Everything is ready, known to the control plane and migrated. */
  readonly healthy: boolean;
  readonly phase: "starting" | "running" | "stopping";
  readonly pid: number;
  readonly uptimeMs: number;
  readonly edge: string;
  readonly dataDir: string;
  readonly components: readonly InstanceStatus[];
  /** Undefined while the control plane does not answer. */
  readonly controlPlane: ControlPlaneView | undefined;
  /** Undefined while the database cannot say. */
  readonly pendingMigrations: readonly string[] | undefined;
  /** What is wrong besides the components' own reasons. */
  readonly problems: readonly string[];
}

/** Looks at everything now. */
export async function meshStatus(
  mesh: PreparedMesh,
  supervisor: Supervisor,
  { phase, startedAt }: { phase: MeshStatus["phase"]; startedAt: number },
): Promise<MeshStatus> {
  const { context, migrations } = mesh;
  const components = await supervisor.status();
  const problems: string[] = [];
  const orProblem = async <T>(what: Promise<T>): Promise<T | undefined> => {
    try {
      return await what;
    } catch (error) {
      problems.push(reasonOf(error));
      return undefined;
    }
  };
  const port = components.find(({ component }) => component === "mesh")?.port;
  const services = components.filter(({ component }) => scalableServices.some((name) => name === component));
  const [controlPlane, pendingMigrations, unreached] = await Promise.all([
    port === undefined ? undefined : orProblem(viewControlPlane(context, port)),
    phase === "running" ? orProblem(migrations.pending()) : undefined,
    unreachedBy(context.layout.adminSocket, services),
  ]);
  problems.push(...unreached.map((name) => `Envoy sends no requests to ${name}`));
  if (controlPlane !== undefined) problems.push(...registryProblems(controlPlane, services));
  if (pendingMigrations !== undefined && pendingMigrations.length > 0) {
    problems.push(`${pendingMigrations.length} migrations are pending: npm run mesh:restart order applies them`);
  }
  return {
    healthy: phase === "running" && problems.length === 0 && components.every(({ state }) => state === "ready"),
    phase,
    pid: process.pid,
    uptimeMs: Date.now() - startedAt,
    edge: `https://127.0.0.1:${context.ports.edge}`,
    dataDir: context.layout.root,
    components,
    controlPlane,
    pendingMigrations,
    problems,
  };
}

/** Names of the instances that are ready here and get no requests. */
async function unreachedBy(adminSocket: string, services: readonly InstanceStatus[]): Promise<string[]> {
  const ready = services.filter(({ state, port }) => state === "ready" && port !== undefined);
  const reached = await Promise.all(ready.map(({ port = 0 }) => sendsRequestsTo(adminSocket, port)));
  return ready.filter((_, index) => !reached[index]).map(({ name }) => name);
}

/** Services that are ready here and that the control plane does not know, and what Envoy refused. */
function registryProblems(view: ControlPlaneView, services: readonly InstanceStatus[]): string[] {
  const { instances, proxies, lastNack } = view;
  const known = new Set(instances.map(({ port }) => port));
  const missing = services.filter(({ state, port }) => state === "ready" && port !== undefined && !known.has(port));
  return [
    ...missing.map(({ name }) => `${name} is not in the registry`),
    ...(proxies === 0 ? ["no Envoy listens to the control plane"] : []),
    ...(lastNack === undefined ? [] : [`${lastNack.proxy} refuses ${lastNack.type}: ${lastNack.reason}`]),
  ];
}
