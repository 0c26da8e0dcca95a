import type { Any } from "@bufbuild/protobuf/wkt";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { type Cluster, Cluster_DiscoveryType } from "../gen/envoy/config/cluster/v3/cluster_pb.js";
import type { ConfigSource } from "../gen/envoy/config/core/v3/config_source_pb.js";
import type { Listener } from "../gen/envoy/config/listener/v3/listener_pb.js";
import { HttpConnectionManagerSchema } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { Reference } from "./resource.ts";
import { typeUrls } from "./resource-type.ts";

/** The endpoints that a cluster gets over the stream it came by. */
export function clusterReferences(cluster: Cluster): readonly Reference[] {
  const { clusterDiscoveryType: discovery, edsClusterConfig: eds } = cluster;
  if (discovery.case !== "type" || discovery.value !== Cluster_DiscoveryType.EDS) return [];
  if (!isSameStream(eds?.edsConfig)) return [];
  return [{ typeUrl: typeUrls.endpoint, name: eds?.serviceName || cluster.name }];
}

/** The route tables that a listener gets over the stream it came by, each once. */
export function listenerReferences(listener: Listener): readonly Reference[] {
  const chains = [...listener.filterChains, ...(listener.defaultFilterChain ? [listener.defaultFilterChain] : [])];
  const configs = chains.flatMap((chain) =>
    chain.filters.flatMap(({ configType }) => (configType.case === "typedConfig" ? configType.value : [])),
  );
  if (listener.apiListener?.apiListener !== undefined) configs.push(listener.apiListener.apiListener);
  const names = new Set(configs.flatMap(routesOf));
  return [...names].map((name) => ({ typeUrl: typeUrls.route, name }));
}

function routesOf(config: Any): string[] {
  const specifier = anyUnpack(config, HttpConnectionManagerSchema)?.routeSpecifier;
  if (specifier?.case !== "rds" || !isSameStream(specifier.value.configSource)) return [];
  return [specifier.value.routeConfigName];
}

function isSameStream(source: ConfigSource | undefined): boolean {
  const where = source?.configSourceSpecifier.case;
  return where === "ads" || where === "self";
}
