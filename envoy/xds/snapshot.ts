import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import { type Cluster, ClusterSchema } from "../gen/envoy/config/cluster/v3/cluster_pb.js";
import { type TypedExtensionConfig, TypedExtensionConfigSchema } from "../gen/envoy/config/core/v3/extension_pb.js";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from "../gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { type Listener, ListenerSchema } from "../gen/envoy/config/listener/v3/listener_pb.js";
import { type RouteConfiguration, RouteConfigurationSchema } from "../gen/envoy/config/route/v3/route_pb.js";
import { type Secret, SecretSchema } from "../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { canonicalBinary } from "./canonical.ts";
import { clusterReferences, listenerReferences } from "./references.ts";
import { contentHash, type Reference, type Resource, type ResourceSource, versionOf } from "./resource.ts";
import { resourceType, typeUrls } from "./resource-type.ts";

/** Everything that one group of clients is to have. */
export interface SnapshotResources {
  readonly clusters?: readonly Cluster[];
  readonly endpoints?: readonly ClusterLoadAssignment[];
  readonly listeners?: readonly Listener[];
  readonly routes?: readonly RouteConfiguration[];
  readonly secrets?: readonly Secret[];
  readonly extensionConfigs?: readonly TypedExtensionConfig[];
}

/** A resource that another needs and nobody has, or that nobody needs. */
export interface Inconsistency {
  readonly kind: "missing" | "unused";
  readonly typeUrl: string;
  readonly name: string;
  /** What refers to it, as "cluster orders"; empty where nothing does. */
  readonly neededBy: readonly string[];
  /** The same for people. */
  readonly text: string;
}

/**
 * An immutable set of resources. Versions are hashes of content, so a second process that builds the same resources gives
 * the same versions, and a client that reconnects to it is sent nothing.
 */
export class Snapshot implements ResourceSource {
  readonly #resources: ReadonlyMap<string, ReadonlyMap<string, Resource>>;
  readonly #versions: ReadonlyMap<string, string>;

  constructor(resources: ReadonlyMap<string, ReadonlyMap<string, Resource>>) {
    this.#resources = resources;
    this.#versions = new Map([...resources].map(([url, map]) => [url, versionOf(map)]));
  }

  resources(typeUrl: string): ReadonlyMap<string, Resource> {
    return this.#resources.get(typeUrl) ?? none;
  }

  version(typeUrl: string): string {
    return this.#versions.get(typeUrl) ?? noneVersion;
  }

  /** What stands in the way of a complete configuration: CDS -> EDS and LDS -> RDS must refer to exactly what is there. */
  inconsistencies(): readonly Inconsistency[] {
    const needed = new Map<string, Map<string, string[]>>();
    for (const url of [typeUrls.cluster, typeUrls.listener]) {
      for (const { name, references } of this.resources(url).values()) {
        for (const reference of references) {
          const names = needed.get(reference.typeUrl) ?? new Map<string, string[]>();
          needed.set(reference.typeUrl, names);
          names.set(reference.name, [...(names.get(reference.name) ?? []), `${resourceType(url).label} ${name}`]);
        }
      }
    }
    return [typeUrls.endpoint, typeUrls.route].flatMap((url) => {
      const names = needed.get(url) ?? new Map<string, string[]>();
      const missing = [...names].filter(([name]) => !this.resources(url).has(name));
      const unused = [...this.resources(url).keys()].filter((name) => !names.has(name));
      return [
        ...missing.map(([name, neededBy]) => inconsistency("missing", url, name, neededBy)),
        ...unused.map((name) => inconsistency("unused", url, name, [])),
      ];
    });
  }

  consistent(): boolean {
    return this.inconsistencies().length === 0;
  }
}

const none: ReadonlyMap<string, Resource> = new Map();
const noneVersion = versionOf(none);

/** Throws for a resource without a name and for two of one type with the same name: clients reject both. */
export function createSnapshot(resources: SnapshotResources): Snapshot {
  const { clusters, endpoints, listeners, routes, secrets, extensionConfigs } = resources;
  const lists: readonly (readonly Message[] | undefined)[] = [
    clusters,
    endpoints,
    listeners,
    routes,
    secrets,
    extensionConfigs,
  ];
  return snapshotOf(lists.flatMap((list) => list ?? []));
}

/** As `createSnapshot`, of messages in one list; throws also for one that is no resource. */
export function snapshotOf(messages: Iterable<Message>): Snapshot {
  const types = new Map(kinds.map(({ typeUrl }) => [typeUrl, new Map<string, Resource>()]));
  for (const message of messages) {
    const kind = kindOf(message);
    const resources = kind && types.get(kind.typeUrl);
    if (kind === undefined || resources === undefined) throw new Error(`${message.$typeName} is no xDS resource`);
    const resource = kind.resource(message);
    const { label } = resourceType(kind.typeUrl);
    if (resource.name === "") throw new Error(`a ${label} has no name`);
    if (resources.has(resource.name)) throw new Error(`two resources of type ${label} are named ${resource.name}`);
    resources.set(resource.name, resource);
  }
  const clusters = types.get(typeUrls.cluster) ?? none;
  types.set(typeUrls.endpoint, withClusterVersions(types.get(typeUrls.endpoint) ?? none, clusters));
  return new Snapshot(types);
}

/** Name of a resource; undefined for a message that is none. */
export function resourceName(message: Message): string | undefined {
  return kindOf(message)?.name(message);
}

interface Kind {
  readonly typeUrl: string;
  name(message: Message): string;
  resource(message: Message): Resource;
}

function kind<Desc extends DescMessage>(
  schema: Desc,
  nameOf: (message: MessageShape<Desc>) => string,
  referencesOf: (message: MessageShape<Desc>) => readonly Reference[] = () => [],
): Kind {
  const typeUrl = `type.googleapis.com/${schema.typeName}`;
  const name = (message: Message) => nameOf(message as MessageShape<Desc>);
  const resource = (message: Message) => {
    const value = canonicalBinary(schema, message as MessageShape<Desc>);
    const references = referencesOf(message as MessageShape<Desc>);
    return { name: name(message), version: contentHash(value), body: { typeUrl, value }, references };
  };
  return { typeUrl, name, resource };
}

const kinds: readonly Kind[] = [
  kind(ClusterSchema, ({ name }) => name, clusterReferences),
  kind(ClusterLoadAssignmentSchema, ({ clusterName }) => clusterName),
  kind(ListenerSchema, ({ name }) => name, listenerReferences),
  kind(RouteConfigurationSchema, ({ name }) => name),
  kind(SecretSchema, ({ name }) => name),
  kind(TypedExtensionConfigSchema, ({ name }) => name),
];

function kindOf({ $typeName }: Message): Kind | undefined {
  return kinds.find(({ typeUrl }) => typeUrl === `type.googleapis.com/${$typeName}`);
}

/**
 * A client that gets a new or changed cluster waits for its endpoints, even if these are the same as before (warming). So the
 * version of endpoints covers the clusters that use them: they go out again after each such change, in both protocols,
 * and after a reconnect only if the client has not had them since.
 */
function withClusterVersions(
  endpoints: ReadonlyMap<string, Resource>,
  clusters: ReadonlyMap<string, Resource>,
): Map<string, Resource> {
  const users = new Map<string, string[]>();
  for (const { name, version, references } of clusters.values()) {
    for (const reference of references) {
      users.set(reference.name, [...(users.get(reference.name) ?? []), `${name} ${version}`]);
    }
  }
  const resources = [...endpoints.values()].map((resource) => {
    const version = contentHash(resource.version, ...(users.get(resource.name) ?? []).sort());
    return [resource.name, { ...resource, version }] as const;
  });
  return new Map(resources);
}

function inconsistency(
  kind: Inconsistency["kind"],
  typeUrl: string,
  name: string,
  neededBy: readonly string[],
): Inconsistency {
  const what = `${resourceType(typeUrl).label} ${name}`;
  const text =
    kind === "missing" ? `${neededBy.join(", ")} refers to ${what}, which is missing` : `nothing uses ${what}`;
  return { kind, typeUrl, name, neededBy, text };
}
