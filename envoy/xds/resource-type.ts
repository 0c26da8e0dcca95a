/** What the protocol says of one type of resource; the order is that of the table below. */
export interface ResourceType {
  readonly url: string;
  /** Short name for people: logs, metrics, status. */
  readonly label: string;
  /** Place in a make-before-break update: a resource comes after what it needs. */
  readonly rank: number;
  /** State of the world: every response holds all resources, and one that is absent is deleted. */
  readonly fullState: boolean;
  /** A first request without names asks for everything. */
  readonly legacyWildcard: boolean;
  /** Others may still use what is to be deleted: it is deleted only when they have moved on. */
  readonly removedLast: boolean;
}

const prefix = "type.googleapis.com/";

/** Type URLs of the resources that Envoy and gRPC ask for. */
export const typeUrls = {
  cluster: `${prefix}envoy.config.cluster.v3.Cluster`,
  endpoint: `${prefix}envoy.config.endpoint.v3.ClusterLoadAssignment`,
  secret: `${prefix}envoy.extensions.transport_sockets.tls.v3.Secret`,
  listener: `${prefix}envoy.config.listener.v3.Listener`,
  scopedRoute: `${prefix}envoy.config.route.v3.ScopedRouteConfiguration`,
  route: `${prefix}envoy.config.route.v3.RouteConfiguration`,
  virtualHost: `${prefix}envoy.config.route.v3.VirtualHost`,
  extensionConfig: `${prefix}envoy.config.core.v3.TypedExtensionConfig`,
  runtime: `${prefix}envoy.service.runtime.v3.Runtime`,
} as const;

/**
 * In the order of xds_protocol.rst, "Eventual consistency considerations": CDS, EDS, LDS, RDS, VHDS, then removals. SRDS is
 * a full state to Envoy, though the page names only LDS and CDS.
 */
const known: readonly ResourceType[] = (
  [
    ["cluster", { fullState: true, legacyWildcard: true, removedLast: true }],
    ["endpoint", { removedLast: true }],
    ["secret", { removedLast: true }],
    ["listener", { fullState: true, legacyWildcard: true }],
    ["scopedRoute", { fullState: true, legacyWildcard: true }],
    ["route", {}],
    ["virtualHost", {}],
    ["extensionConfig", {}],
    ["runtime", {}],
  ] as const
).map(([label, rules], rank) => ({
  url: typeUrls[label],
  label,
  rank,
  fullState: false,
  legacyWildcard: false,
  removedLast: false,
  ...rules,
}));

const byUrl: ReadonlyMap<string, ResourceType> = new Map(known.map((type) => [type.url, type]));

/** Rules of a type; one that we do not know is served by name, after all others. */
export function resourceType(url: string): ResourceType {
  return (
    byUrl.get(url) ?? {
      url,
      label: url.slice(url.lastIndexOf("/") + 1),
      rank: known.length,
      fullState: false,
      legacyWildcard: false,
      removedLast: false,
    }
  );
}
