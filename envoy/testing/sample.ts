import { jsonAccessLog } from "../builders/access-log.ts";
import { type BootstrapOptions, bootstrap } from "../builders/bootstrap.ts";
import { cluster } from "../builders/cluster.ts";
import { corsPolicy } from "../builders/cors.ts";
import { endpoints } from "../builders/endpoints.ts";
import { grpcHealthCheck, httpHealthCheck } from "../builders/health-check.ts";
import { httpConnectionManager } from "../builders/http-connection-manager.ts";
import { bodyLimit } from "../builders/http-filters.ts";
import { jwtRequirement } from "../builders/jwt.ts";
import { listener } from "../builders/listener.ts";
import { rateLimit } from "../builders/rate-limit.ts";
import { route, routeConfiguration, virtualHost } from "../builders/route.ts";
import type { SnapshotResources } from "../xds/snapshot.ts";

/** Options of a small bootstrap; port 0, so that two can stand side by side. */
export const sampleBootstrapOptions: BootstrapOptions = {
  node: { id: "edge-1", cluster: "edge", zone: "a", metadata: { team: "shop" } },
  admin: { port: 0 },
};

/** Bootstrap of an Envoy that gets everything else from a control plane. */
export function sampleBootstrap() {
  const controlPlane = { endpoints: [{ address: "127.0.0.1", port: 15_010 }] };
  return bootstrap({ ...sampleBootstrapOptions, controlPlane });
}

/** A symmetric key as a JWK set (RFC 7517), of no worth. */
const keys = JSON.stringify({
  keys: [{ kty: "oct", alg: "HS256", k: Buffer.alloc(32, 7).toString("base64url") }],
});

/** One of everything that the builders build: what an edge in front of one gRPC and one REST service needs. */
export function sampleResources(): SnapshotResources {
  const rest = route({
    name: "rest",
    match: { path: { prefix: "/" } },
    to: { cluster: "orders.http1" },
    filters: [bodyLimit(1024 * 1024), rateLimit({ requestsPerSecond: 50 })],
  });
  const rpc = route({
    name: "GetOrder",
    match: { path: { exact: "/shop.v1.Orders/GetOrder" }, methods: ["POST"], grpc: true },
    to: { cluster: "orders" },
    timeoutMs: 2_000,
    retry: { perTryTimeoutMs: 800 },
  });
  const item = route({
    name: "item",
    match: { path: { template: "/v1/orders/{order}/items/*" }, methods: ["GET", "HEAD"] },
    to: { cluster: "orders.http1" },
    retry: { attempts: 1 },
    filters: [jwtRequirement("any")],
  });
  const login = route({
    name: "login",
    match: { path: { pattern: "/v[12]/login" }, headers: { "x-kind": "user" } },
    to: { cluster: "orders.http1" },
    filters: [jwtRequirement("none")],
    rewritePrefix: "/login",
    removeRequestHeaders: ["x-kind"],
    addRequestHeaders: { "x-edge": "%REQ(:AUTHORITY)%" },
  });
  const shut = route({
    name: "internal",
    match: { path: { prefix: "/internal/" } },
    to: { status: 404, body: "no such page\n" },
    filters: [jwtRequirement("none")],
  });
  const host = virtualHost({
    name: "shop",
    domains: ["*"],
    routes: [shut, login, rpc, item, rest],
    filters: [corsPolicy({ origins: ["https://shop.example"] })],
  });
  return {
    listeners: [sampleListener()],
    routes: [routeConfiguration("edge", [host])],
    clusters: [
      cluster({
        name: "orders",
        protocol: "http2",
        endpoints: { from: "eds" },
        healthChecks: [grpcHealthCheck({ serviceName: "shop.v1.Orders" })],
      }),
      cluster({
        name: "orders.http1",
        protocol: "http1",
        endpoints: { from: "eds", service: "orders" },
        healthChecks: [httpHealthCheck({ path: "/readyz" })],
        circuitBreakers: { maxConnections: 64 },
        outlierDetection: { consecutiveFailures: 3 },
      }),
      cluster({
        name: "collector",
        protocol: "http1",
        endpoints: { from: "dns", list: [{ address: "localhost", port: 4_318 }] },
        outlierDetection: "off",
      }),
    ],
    endpoints: [
      endpoints("orders", [
        { address: "127.0.0.1", port: 9_001, zone: "b", metadata: { shop: { version: "1" } } },
        { address: "127.0.0.1", port: 9_000, zone: "a", health: "healthy", weight: 2 },
        { address: "127.0.0.1", port: 9_002, zone: "a", health: "draining" },
      ]),
    ],
  };
}

function sampleListener() {
  const http = httpConnectionManager({
    statPrefix: "edge",
    side: "edge",
    routes: { rds: "edge" },
    escapedSlashes: "keep",
    removeRequestHeaders: ["x-user", "x-roles"],
    accessLogs: [jsonAccessLog({ errorsOnly: true }), jsonAccessLog({ file: "/dev/null", fields: { zone: "a" } })],
    tracing: {
      serviceName: "edge",
      samplePercent: 1,
      collector: { cluster: "collector", protocol: "http", url: "http://localhost:4318/v1/traces" },
    },
    filters: {
      healthPath: "/edge-health",
      cors: true,
      jwt: {
        providers: {
          ours: {
            issuer: "https://login.example",
            audiences: ["shop"],
            keys: { inline: keys },
            claimToHeaders: { sub: "x-user" },
          },
          theirs: {
            issuer: "https://partner.example",
            audiences: ["shop"],
            keys: { url: "https://partner.example/jwks", cluster: "collector" },
            maxLifetimeSeconds: 3_600,
          },
        },
        requirements: {
          user: { providers: ["ours"] },
          any: { providers: ["ours", "theirs"] },
          maybe: { providers: ["ours"], optional: true },
        },
        defaultRequirement: "user",
      },
      rbac: [{ name: "all", principals: ["*"], pathPrefixes: ["/"] }],
      rateLimit: true,
      admissionControl: {},
      buffer: true,
      grpcStats: [{ service: "shop.v1.Orders", methods: ["GetOrder"] }],
      grpcWeb: true,
    },
  });
  return listener({ name: "edge", address: "127.0.0.1", port: 0, http });
}
