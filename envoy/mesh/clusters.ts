import { create } from "@bufbuild/protobuf";
import { cluster } from "../builders/cluster.ts";
import { grpcHealthCheck, httpHealthCheck } from "../builders/health-check.ts";
import type { UpstreamTlsOptions } from "../builders/tls.ts";
import { milliseconds } from "../builders/values.ts";
import type { Cluster } from "../gen/envoy/config/cluster/v3/cluster_pb.js";
import { PercentSchema } from "../gen/envoy/type/v3/percent_pb.js";
import type { MeshIdentity, MeshService } from "./model.ts";

/** HTTP/1.1 connections without a request are let go before the services do so (75 s): a request never meets the closing. */
const http1IdleMs = 60_000;

/**
 * A service over both protocols, if it speaks both, on the same endpoints: gRPC needs HTTP/2; Connect and REST are cheaper for a service over
 * HTTP/1.1, where one connection carries one request at a time.
 */
export function serviceClusters(service: MeshService, identity: MeshIdentity | undefined): readonly Cluster[] {
  const { name, readyPath } = service;
  const shared = {
    endpoints: { from: "eds", service: name },
    tls: identity === undefined ? undefined : serviceTls(service, identity),
    // With a handshake in it, on a machine that is busy with a rush.
    connectTimeoutMs: 2_000,
  } as const;
  // Readiness falls with the database or the broker: a second good answer is no better than the first.
  const checks = { healthyThreshold: 1 };
  const grpc = cluster({ ...shared, name, protocol: "http2", healthChecks: [grpcHealthCheck(checks)] });
  if (readyPath === undefined) return [tuned(grpc)];
  const http1 = cluster({
    ...shared,
    name: http1Cluster(name),
    protocol: "http1",
    idleTimeoutMs: http1IdleMs,
    healthChecks: [httpHealthCheck({ ...checks, path: readyPath, host: name })],
  });
  return [tuned(grpc), tuned(http1)];
}

/** The cluster of a service for Connect and REST. */
export function http1Cluster(service: string): string {
  return `${service}.http1`;
}

export function speaksHttp1({ readyPath }: MeshService): boolean {
  return readyPath !== undefined;
}

/** We show our certificate, and the service's must have its name: any other of the mesh is somebody else. */
function serviceTls({ name, uri }: MeshService, { certificate, authorities }: MeshIdentity): UpstreamTlsOptions {
  if (uri === undefined) throw new Error(`service ${name} has no URI to know its certificate by`);
  return { certificate, servers: { authorities, names: [{ type: "uri", exact: uri }] } };
}

/** What the builder's options have no word for. */
function tuned(made: Cluster): Cluster {
  const { commonLbConfig: balancing } = made;
  if (balancing === undefined) return made;
  // Otherwise sick and draining endpoints, too, get requests as soon as less than half are well: in a mesh of two or three
  // instances that is every restart. Nobody well means a clean 503 at once.
  balancing.healthyPanicThreshold = create(PercentSchema, { value: 0 });
  // Otherwise Envoy sits on news of health for up to a second: an instance that is ready gets nothing, one that drains does.
  balancing.updateMergeWindow = milliseconds(0);
  return made;
}
