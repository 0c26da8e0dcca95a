import { type DescMessage, isMessage, type Message } from "@bufbuild/protobuf";
import type { Bootstrap } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { type Cluster, ClusterSchema } from "../gen/envoy/config/cluster/v3/cluster_pb.js";
import { type TypedExtensionConfig, TypedExtensionConfigSchema } from "../gen/envoy/config/core/v3/extension_pb.js";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from "../gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { type Listener, ListenerSchema } from "../gen/envoy/config/listener/v3/listener_pb.js";
import { type RouteConfiguration, RouteConfigurationSchema } from "../gen/envoy/config/route/v3/route_pb.js";
import { type Secret, SecretSchema } from "../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { SnapshotResources } from "../xds/snapshot.ts";

/** What a module exports that the commands take in place of a file: a configuration as code. */
export interface ConfigModule {
  readonly bootstrap?: Bootstrap | (() => Bootstrap | Promise<Bootstrap>);
  readonly resources?: SnapshotResources | (() => SnapshotResources | Promise<SnapshotResources>);
}

/** The resources by type, in the order in which a person reads them. */
export function messagesOf(resources: SnapshotResources): readonly Message[] {
  const { listeners = [], routes = [], clusters = [], endpoints = [], secrets = [], extensionConfigs = [] } = resources;
  return [...listeners, ...routes, ...clusters, ...endpoints, ...secrets, ...extensionConfigs];
}

const lists: readonly string[] = ["listeners", "routes", "clusters", "endpoints", "secrets", "extensionConfigs"];

/** What is wrong with a module's resources; undefined: nothing. */
export function resourcesProblem(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return `must hold lists: ${lists.join(", ")}`;
  for (const [name, list] of Object.entries(value)) {
    if (!lists.includes(name)) return `has no list "${name}", only ${lists.join(", ")}`;
    if (list !== undefined && !(Array.isArray(list) && list.every((item) => isMessage(item)))) {
      return `has ${name} that are no list of what builders make`;
    }
  }
  return undefined;
}

/** Types of what a control plane serves. */
export const resourceSchemas: readonly DescMessage[] = [
  ListenerSchema,
  RouteConfigurationSchema,
  ClusterSchema,
  ClusterLoadAssignmentSchema,
  SecretSchema,
  TypedExtensionConfigSchema,
];

/** The reverse of `messagesOf`; what a control plane does not serve is left out. */
export function resourcesOf(messages: readonly { readonly message: Message }[]) {
  const ofType = <Shape extends Message>({ typeName }: { readonly typeName: string }) =>
    messages.map(({ message }) => message).filter((message): message is Shape => message.$typeName === typeName);
  return {
    listeners: ofType<Listener>(ListenerSchema),
    routes: ofType<RouteConfiguration>(RouteConfigurationSchema),
    clusters: ofType<Cluster>(ClusterSchema),
    endpoints: ofType<ClusterLoadAssignment>(ClusterLoadAssignmentSchema),
    secrets: ofType<Secret>(SecretSchema),
    extensionConfigs: ofType<TypedExtensionConfig>(TypedExtensionConfigSchema),
  };
}
