import { clone, create } from "@bufbuild/protobuf";
import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { controlPlaneCluster } from "../builders/bootstrap.ts";
import {
  type Bootstrap,
  Bootstrap_StaticResourcesSchema,
  BootstrapSchema,
} from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { type Cluster, Cluster_DiscoveryType, ClusterSchema } from "../gen/envoy/config/cluster/v3/cluster_pb.js";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from "../gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { type Listener, ListenerSchema } from "../gen/envoy/config/listener/v3/listener_pb.js";
import type { RouteConfiguration } from "../gen/envoy/config/route/v3/route_pb.js";
import { HttpConnectionManagerSchema } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { SnapshotResources } from "../xds/snapshot.ts";

/**
 * The same configuration in one file, without a control plane: to read it, to hold it against another, or to run Envoy with
 * it. Secrets that would come over the stream stay references by name. Throws RangeError where a listener names a route
 * configuration that is not there; a cluster without endpoints has none.
 */
export function staticConfig(bootstrap: Bootstrap, resources: SnapshotResources): Bootstrap {
  const result = clone(BootstrapSchema, bootstrap);
  result.dynamicResources = undefined;
  const fixed = result.staticResources ?? create(Bootstrap_StaticResourcesSchema);
  result.staticResources = fixed;
  const endpoints = new Map((resources.endpoints ?? []).map((assignment) => [assignment.clusterName, assignment]));
  fixed.clusters = fixed.clusters.filter(({ name }) => name !== controlPlaneCluster);
  fixed.clusters.push(...(resources.clusters ?? []).map((cluster) => withEndpoints(cluster, endpoints)));
  const routes = new Map((resources.routes ?? []).map((route) => [route.name, route]));
  fixed.listeners.push(...(resources.listeners ?? []).map((listener) => withRoutes(listener, routes)));
  fixed.secrets.push(...(resources.secrets ?? []));
  return result;
}

function withEndpoints(cluster: Cluster, endpoints: ReadonlyMap<string, ClusterLoadAssignment>): Cluster {
  const { clusterDiscoveryType: discovery, edsClusterConfig: eds, name } = cluster;
  if (discovery.case !== "type" || discovery.value !== Cluster_DiscoveryType.EDS) return cluster;
  const result = clone(ClusterSchema, cluster);
  const assignment = endpoints.get(eds?.serviceName || name);
  result.edsClusterConfig = undefined;
  result.clusterDiscoveryType = { case: "type", value: Cluster_DiscoveryType.STATIC };
  result.loadAssignment = assignment
    ? { ...clone(ClusterLoadAssignmentSchema, assignment), clusterName: name }
    : create(ClusterLoadAssignmentSchema, { clusterName: name });
  return result;
}

function withRoutes(listener: Listener, routes: ReadonlyMap<string, RouteConfiguration>): Listener {
  const result = clone(ListenerSchema, listener);
  const chains = [...result.filterChains, ...(result.defaultFilterChain ? [result.defaultFilterChain] : [])];
  for (const { configType } of chains.flatMap(({ filters }) => filters)) {
    if (configType.case !== "typedConfig") continue;
    const manager = anyUnpack(configType.value, HttpConnectionManagerSchema);
    if (manager?.routeSpecifier.case !== "rds") continue;
    const { routeConfigName } = manager.routeSpecifier.value;
    const route = routes.get(routeConfigName);
    if (route === undefined)
      throw new RangeError(`listener ${listener.name}: no route configuration ${routeConfigName}`);
    manager.routeSpecifier = { case: "routeConfig", value: route };
    configType.value = anyPack(HttpConnectionManagerSchema, manager);
  }
  return result;
}
