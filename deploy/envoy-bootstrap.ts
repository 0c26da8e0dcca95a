import { join } from "node:path";
import { toJsonString } from "@bufbuild/protobuf";
import { peerUri } from "@ordermesh/runtime/tls/peer-name.ts";
import { bootstrap } from "envoy-config-tools/builders/bootstrap.ts";
import { cluster } from "envoy-config-tools/builders/cluster.ts";
import { httpConnectionManager } from "envoy-config-tools/builders/http-connection-manager.ts";
import { listener } from "envoy-config-tools/builders/listener.ts";
import { route, routeConfiguration, virtualHost } from "envoy-config-tools/builders/route.ts";
import { BootstrapSchema } from "envoy-config-tools/gen/envoy/config/bootstrap/v3/bootstrap_pb";
import { certificateFolder } from "envoy-config-tools/mesh/certificate-folder.ts";
import { envoyTypes } from "envoy-config-tools/types.ts";

export interface EnvoyBootstrapOptions {
  /** The folder with envoy/ and edge/, as Envoy sees it. */
  readonly certificates: string;
  readonly controlPlane: { readonly host: string; readonly port: number };
  readonly adminPort: number;
  /** Where Prometheus, by its certificate, reads the metrics of the administration, and nothing else of it. */
  readonly metrics: { readonly host: string; readonly port: number };
  readonly maxHeapBytes: number;
}

/** What Envoy starts with in docker-compose.yml, as JSON: everything else comes from the control plane. */
export function envoyBootstrap(options: EnvoyBootstrapOptions): string {
  const { certificate, authorities } = certificateFolder(join(options.certificates, "envoy"));
  const peer = (name: string) => ({ authorities, names: [{ type: "uri", exact: peerUri(name) }] as const });
  const path = "/stats/prometheus";
  const metrics = listener({
    name: "metrics",
    address: options.metrics.host,
    port: options.metrics.port,
    tls: { certificate, clients: peer("prometheus") },
    http: httpConnectionManager({
      statPrefix: "metrics",
      side: "inside",
      filters: {},
      routes: {
        fixed: routeConfiguration("metrics", [
          virtualHost({
            name: "metrics",
            domains: ["*"],
            routes: [
              route({ name: "metrics", match: { path: { exact: path }, methods: ["GET"] }, to: { cluster: "admin" } }),
            ],
          }),
        ]),
      },
    }),
  });
  const admin = cluster({
    name: "admin",
    protocol: "http1",
    endpoints: { from: "static", list: [{ address: "127.0.0.1", port: options.adminPort }] },
    outlierDetection: "off",
  });
  const message = bootstrap({
    node: { id: "envoy", cluster: "ordermesh" },
    admin: { port: options.adminPort },
    controlPlane: {
      endpoints: [{ address: options.controlPlane.host, port: options.controlPlane.port }],
      dns: true,
      tls: { certificate, servers: peer("mesh") },
    },
    listeners: [metrics],
    clusters: [admin],
    overload: { maxHeapBytes: options.maxHeapBytes },
  });
  return `${toJsonString(BootstrapSchema, message, { registry: envoyTypes, prettySpaces: 2 })}\n`;
}
