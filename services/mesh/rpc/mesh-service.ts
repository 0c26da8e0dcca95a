import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type ConfigStatusSchema,
  type InstanceSchema,
  InstanceState,
  MeshService,
  type ProxyStatusSchema,
} from "@ordermesh/proto/ordermesh/mesh/v1/mesh_pb";
import type { Instance } from "@ordermesh/runtime/discovery/instance.ts";
import { bindService, type ServiceBinding } from "@ordermesh/runtime/rpc/service.ts";
import type { NodeStatus } from "envoy-config-tools/xds/control-plane.ts";
import { typeUrls } from "envoy-config-tools/xds/resource-type.ts";
import type { TypeStatus } from "envoy-config-tools/xds/session.ts";
import type { Snapshot } from "envoy-config-tools/xds/snapshot.ts";
import type { ServiceDefinition } from "../domain/definitions.ts";
import type { SeenProxy } from "../domain/proxies.ts";

/** What an operator may see of the control plane. */
export interface MeshView {
  readonly definitions: readonly ServiceDefinition[];
  instances(): readonly Instance[];
  /** What is served now. */
  snapshot(): Snapshot;
  proxies(): readonly SeenProxy<NodeStatus>[];
  /** Why `instances` may be old. */
  registryProblem(): string | undefined;
}

/** What the control plane serves, in the order in which proxies take it. */
const servedTypes = [typeUrls.cluster, typeUrls.endpoint, typeUrls.listener, typeUrls.route];

export function meshService(view: MeshView): ServiceBinding {
  return bindService(MeshService, {
    async listServices() {
      const names = new Set([...view.definitions, ...view.instances().map(named)].map(({ name }) => name));
      return { services: [...names].sort().map((name) => serviceInfo(name, view)) };
    },

    async listInstances({ service }) {
      const wanted = view.instances().filter((instance) => service === "" || instance.service === service);
      const sorted = wanted.toSorted((a, b) => compare(a.service, b.service) || a.startedAt - b.startedAt);
      return { instances: sorted.map(instanceInfo) };
    },

    async getConfigStatus() {
      return { status: configStatus(view) };
    },
  });
}

function named({ service }: Instance): { readonly name: string } {
  return { name: service };
}

function serviceInfo(name: string, { definitions, instances }: MeshView) {
  const own = instances().filter(({ service }) => service === name);
  const defined = definitions.find((one) => one.name === name)?.rpcServices.map(({ typeName }) => typeName);
  const ready = own.filter(({ state }) => state === "ready").length;
  return {
    name,
    rpcServices: [...new Set([...(defined ?? []), ...own.flatMap(({ rpcServices }) => rpcServices)])].sort(),
    readyInstances: ready,
    drainingInstances: own.length - ready,
    versions: [...new Set(own.map(({ version }) => version))].sort(),
  };
}

function instanceInfo(instance: Instance): MessageInitShape<typeof InstanceSchema> {
  const { service, instanceId, address, port, zone, version, rpcServices, startedAt } = instance;
  const state = instance.state === "ready" ? InstanceState.READY : InstanceState.DRAINING;
  const startTime = timestampFromMs(startedAt);
  return { service, instanceId, address, port, zone, version, rpcServices: [...rpcServices], startTime, state };
}

function configStatus(view: MeshView): MessageInitShape<typeof ConfigStatusSchema> {
  const snapshot = view.snapshot();
  return {
    resourceTypes: servedTypes.map((typeUrl) => ({
      typeUrl,
      version: snapshot.version(typeUrl),
      resources: snapshot.resources(typeUrl).size,
    })),
    proxies: view.proxies().map(proxyStatus),
    registryProblem: view.registryProblem() ?? "",
  };
}

function proxyStatus({ status, connected }: SeenProxy<NodeStatus>): MessageInitShape<typeof ProxyStatusSchema> {
  return {
    nodeId: status.node.id,
    userAgent: status.node.userAgent,
    connected,
    connectedTime: timestampFromMs(status.connectedSince),
    types: status.types.map(typeStatus),
  };
}

function typeStatus({ typeUrl, version = "", acked, inSync, rejecting, lastNack }: TypeStatus) {
  return {
    typeUrl,
    version,
    ackedVersion: acked?.version ?? "",
    ackedTime: acked && timestampFromMs(acked.at),
    inSync,
    rejecting,
    lastRejection: lastNack && {
      version: lastNack.version,
      reason: lastNack.reason,
      rejectedTime: timestampFromMs(lastNack.at),
      resources: [...lastNack.names],
    },
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
