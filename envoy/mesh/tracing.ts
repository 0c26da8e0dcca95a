import type { TracingOptions } from "../builders/tracing.ts";
import type { Cluster } from "../gen/envoy/config/cluster/v3/cluster_pb.js";
import { webCluster } from "./jwt-keys.ts";
import type { Tracing } from "./model.ts";

const collectorCluster = "trace-collector";

export function tracingOf({ collectorUrl, serviceName, sampleRatio }: Tracing): TracingOptions {
  const url = `${collectorUrl.replace(/\/$/, "")}/v1/traces`;
  return {
    serviceName,
    samplePercent: sampleRatio * 100,
    collector: { cluster: collectorCluster, protocol: "http", url },
  };
}

export function tracingClusters(tracing: Tracing | undefined): readonly Cluster[] {
  return tracing === undefined ? [] : [webCluster(collectorCluster, new URL(tracing.collectorUrl))];
}
