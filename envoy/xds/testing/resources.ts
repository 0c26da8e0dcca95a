import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type Cluster, Cluster_DiscoveryType, ClusterSchema } from "../../gen/envoy/config/cluster/v3/cluster_pb.js";
import { ApiVersion, ConfigSourceSchema } from "../../gen/envoy/config/core/v3/config_source_pb.js";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from "../../gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { type Listener, ListenerSchema } from "../../gen/envoy/config/listener/v3/listener_pb.js";
import { type RouteConfiguration, RouteConfigurationSchema } from "../../gen/envoy/config/route/v3/route_pb.js";
import { RouterSchema } from "../../gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import { HttpConnectionManagerSchema } from "../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { createSnapshot, type Snapshot } from "../snapshot.ts";

const ads = () =>
  create(ConfigSourceSchema, {
    resourceApiVersion: ApiVersion.V3,
    configSourceSpecifier: { case: "ads", value: {} },
  });

/** A cluster whose endpoints come over ADS; a different timeout makes it a changed one. */
export function cluster(
  name: string,
  options: { readonly timeoutMs?: number; readonly serviceName?: string } = {},
): Cluster {
  const { timeoutMs = 1_000, serviceName = "" } = options;
  return create(ClusterSchema, {
    name,
    connectTimeout: { seconds: BigInt(Math.trunc(timeoutMs / 1_000)), nanos: (timeoutMs % 1_000) * 1_000_000 },
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: ads(), serviceName },
  });
}

/** Endpoints on loopback. */
export function endpoints(clusterName: string, ...ports: readonly number[]): ClusterLoadAssignment {
  return create(ClusterLoadAssignmentSchema, {
    clusterName,
    endpoints: [
      {
        locality: { region: "r", zone: "z" },
        loadBalancingWeight: 1,
        lbEndpoints: ports.map((port) => ({
          hostIdentifier: { case: "endpoint" as const, value: { address: socketAddress(port) } },
        })),
      },
    ],
  });
}

/** A listener for HTTP whose routes come over ADS. */
export function listener(name: string, port: number, routeName: string): Listener {
  return create(ListenerSchema, {
    name,
    address: socketAddress(port),
    filterChains: [
      {
        filters: [
          {
            name: "http",
            configType: { case: "typedConfig", value: anyPack(HttpConnectionManagerSchema, httpManager(routeName)) },
          },
        ],
      },
    ],
  });
}

/** A listener as gRPC clients ask for it: by the name of the service they call. */
export function apiListener(name: string, routeName: string): Listener {
  return create(ListenerSchema, {
    name,
    apiListener: { apiListener: anyPack(HttpConnectionManagerSchema, httpManager(routeName)) },
  });
}

/** Sends everything to one cluster. */
export function route(name: string, clusterName: string): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name,
    virtualHosts: [
      {
        name: "all",
        domains: ["*"],
        routes: [
          {
            match: { pathSpecifier: { case: "prefix", value: "" } },
            action: {
              case: "route",
              value: { clusterSpecifier: { case: "cluster", value: clusterName } },
            },
          },
        ],
      },
    ],
  });
}

/** One service: listener -> route -> cluster -> endpoints, all of one name. */
export function service(name: string, port: number, ...backends: readonly number[]): Snapshot {
  return createSnapshot({
    clusters: [cluster(name)],
    endpoints: [endpoints(name, ...backends)],
    listeners: [listener(name, port, name)],
    routes: [route(name, name)],
  });
}

function httpManager(routeName: string) {
  return create(HttpConnectionManagerSchema, {
    statPrefix: "ingress",
    routeSpecifier: { case: "rds", value: { configSource: ads(), routeConfigName: routeName } },
    httpFilters: [
      { name: "router", configType: { case: "typedConfig", value: anyPack(RouterSchema, create(RouterSchema)) } },
    ],
  });
}

function socketAddress(port: number) {
  return {
    address: {
      case: "socketAddress" as const,
      value: { address: "127.0.0.1", portSpecifier: { case: "portValue" as const, value: port } },
    },
  };
}
