import { create, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import { packAny } from "../any.ts";
import { type Bootstrap, BootstrapSchema } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type { Cluster } from "../gen/envoy/config/cluster/v3/cluster_pb.js";
import { ApiConfigSource_ApiType, ApiVersion } from "../gen/envoy/config/core/v3/config_source_pb.js";
import type { Listener } from "../gen/envoy/config/listener/v3/listener_pb.js";
import type { OverloadManagerSchema } from "../gen/envoy/config/overload/v3/overload_pb.js";
import { DownstreamConnectionsConfigSchema } from "../gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.js";
import { FixedHeapConfigSchema } from "../gen/envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap_pb.js";
import type { Secret } from "../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { cluster } from "./cluster.ts";
import type { Endpoint } from "./endpoints.ts";
import type { UpstreamTlsOptions } from "./tls.ts";
import { milliseconds, overAds, socketAddress, unixSocketAddress } from "./values.ts";

export interface BootstrapOptions {
  readonly node: {
    /** Unique among the Envoys of a control plane. */
    readonly id: string;
    /** Group of Envoys that get the same configuration. */
    readonly cluster: string;
    readonly zone?: string;
    readonly metadata?: JsonObject;
  };
  /** Administration: whoever reaches it can stop this Envoy and read all it knows, keys of tokens among it. */
  readonly admin: AdminAddress;
  /** Where listeners, clusters and the rest come from; unset: only what is static. */
  readonly controlPlane?: ControlPlaneAddress;
  readonly listeners?: readonly Listener[];
  readonly clusters?: readonly Cluster[];
  readonly secrets?: readonly Secret[];
  /** @default see `OverloadOptions` */
  readonly overload?: OverloadOptions;
}

/**
 * It has neither TLS nor login. A Unix socket is its owner's alone; a port on loopback is every local program's, and every
 * web page's that a browser on this machine shows.
 */
export type AdminAddress =
  | { readonly socket: string }
  | {
      /** @default "127.0.0.1" */
      readonly address?: string;
      readonly port: number;
    };

export interface ControlPlaneAddress {
  /** One or more, any of which will do. */
  readonly endpoints: readonly Pick<Endpoint, "address" | "port">[];
  /** Whether `endpoints` are host names. @default false: IP addresses */
  readonly dns?: boolean;
  /** @default none: plain text, for a control plane on the same machine */
  readonly tls?: UpstreamTlsOptions;
  /** @default "delta": only what has changed is sent; "sotw" for a control plane that knows no delta */
  readonly protocol?: "delta" | "sotw";
}

export interface OverloadOptions {
  /** @default 2 GiB, Envoy's guide for edge proxies; in a container four fifths of its limit */
  readonly maxHeapBytes?: bigint | number;
  /** Connections of clients over all listeners. @default 50,000 */
  readonly maxConnections?: bigint | number;
}

/** Name of the static cluster that reaches the control plane. */
export const controlPlaneCluster = "xds_control_plane";

/** What an Envoy starts with: everything else may come from its control plane. */
export function bootstrap(options: BootstrapOptions): Bootstrap {
  const { node, admin, controlPlane } = options;
  const clusters = [...(options.clusters ?? [])];
  if (controlPlane !== undefined) clusters.unshift(clusterOf(controlPlane));
  return create(BootstrapSchema, {
    node: {
      id: node.id,
      cluster: node.cluster,
      ...(node.zone === undefined ? {} : { locality: { zone: node.zone } }),
      ...(node.metadata === undefined ? {} : { metadata: node.metadata }),
    },
    admin: {
      address: addressOf(admin),
      // Operators get in also while clients take every connection there is.
      ignoreGlobalConnLimit: true,
    },
    staticResources: {
      listeners: [...(options.listeners ?? [])],
      clusters,
      secrets: [...(options.secrets ?? [])],
    },
    ...(controlPlane === undefined ? {} : { dynamicResources: dynamicResources(controlPlane) }),
    overloadManager: overloadManager(options.overload),
    layeredRuntime: { layers: [{ name: "admin", layerSpecifier: { case: "adminLayer", value: {} } }] },
  });
}

function addressOf(admin: AdminAddress) {
  return "socket" in admin ? unixSocketAddress(admin.socket) : socketAddress(admin.address ?? "127.0.0.1", admin.port);
}

function clusterOf({ endpoints, dns = false, tls }: ControlPlaneAddress): Cluster {
  return cluster({
    name: controlPlaneCluster,
    protocol: "http2",
    endpoints: { from: dns ? "dns" : "static", list: endpoints },
    tls,
    // The one stream is all there is: with an endpoint ejected Envoy would wait where it could reconnect.
    outlierDetection: "off",
  });
}

function dynamicResources({ protocol = "delta" }: ControlPlaneAddress) {
  const { DELTA_GRPC, GRPC } = ApiConfigSource_ApiType;
  const grpc = { case: "envoyGrpc", value: { clusterName: controlPlaneCluster } } as const;
  return {
    ldsConfig: overAds,
    cdsConfig: overAds,
    adsConfig: {
      apiType: protocol === "delta" ? DELTA_GRPC : GRPC,
      transportApiVersion: ApiVersion.V3,
      grpcServices: [{ targetSpecifier: grpc }],
      // The node's description is long and does not change: once a stream is enough.
      setNodeOnFirstMessageOnly: true,
    },
  };
}

const heapMonitor = "envoy.resource_monitors.fixed_heap";
const connectionMonitor = "envoy.resource_monitors.global_downstream_max_connections";

/** Before memory runs out: first keep-alive ends, then memory is given back and connections wait, last requests are refused. */
function overloadManager(options: OverloadOptions = {}): MessageInitShape<typeof OverloadManagerSchema> {
  const { maxHeapBytes = 2 * 1024 ** 3, maxConnections = 50_000 } = options;
  const heapAbove = (value: number) => ({
    name: heapMonitor,
    triggerOneof: { case: "threshold", value: { value } } as const,
  });
  const monitors = [
    { name: heapMonitor, config: packAny(FixedHeapConfigSchema, { maxHeapSizeBytes: BigInt(maxHeapBytes) }) },
    {
      name: connectionMonitor,
      config: packAny(DownstreamConnectionsConfigSchema, { maxActiveDownstreamConnections: BigInt(maxConnections) }),
    },
  ];
  return {
    refreshInterval: milliseconds(250),
    resourceMonitors: monitors.map(({ name, config }) => ({
      name,
      configType: { case: "typedConfig", value: config },
    })),
    actions: [
      { name: "envoy.overload_actions.disable_http_keepalive", triggers: [heapAbove(0.92)] },
      { name: "envoy.overload_actions.shrink_heap", triggers: [heapAbove(0.95)] },
      { name: "envoy.overload_actions.stop_accepting_requests", triggers: [heapAbove(0.98)] },
    ],
    loadshedPoints: [{ name: "envoy.load_shed_points.tcp_listener_accept", triggers: [heapAbove(0.95)] }],
  };
}
