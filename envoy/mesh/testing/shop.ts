import type { EdgePolicy, MeshModel } from "../model.ts";

/** A mesh of two services, for tests; every part of it that is optional is there. */
export const shop: MeshModel = {
  services: [
    {
      name: "carts",
      uri: "spiffe://shop.example/carts",
      rpcServices: [
        {
          typeName: "shop.v1.Carts",
          methods: [
            { name: "Get", access: "token", idempotent: true, timeoutMs: 2_000, streaming: false },
            { name: "Add", access: "token", idempotent: false, timeoutMs: 3_000, streaming: false },
            { name: "Offers", access: "public", idempotent: true, timeoutMs: 2_000, streaming: false },
            { name: "Watch", access: "token", idempotent: true, timeoutMs: 2_000, streaming: true },
          ],
        },
      ],
      instances: [
        { address: "10.0.0.1", port: 7001, zone: "a", state: "ready" },
        { address: "10.0.0.2", port: 7001, zone: "b", state: "draining" },
      ],
      readyPath: "/readyz",
    },
    { name: "web", uri: "spiffe://shop.example/web", rpcServices: [], instances: [], readyPath: "/readyz" },
  ],
  edge: {
    listen: { address: "127.0.0.1", port: 8443 },
    certificate: { name: "certificate", file: "/certs/edge/certificate.sds.json" },
    jwt: {
      issuer: "https://login.example",
      audience: "shop",
      keys: { secrets: ["a secret of thirty-two characters"] },
    },
    rest: {
      service: "web",
      routes: [
        { method: "GET", path: "/v1/carts/*", access: "token", idempotent: true },
        { method: "POST", path: "/v1/carts/*:empty", access: "token", idempotent: true },
        { method: "GET", path: "/v1/draw", access: "token", idempotent: false },
        { method: "POST", path: "/login", access: "public", idempotent: false },
        { method: "GET", path: "/old/items/*", access: "optional", idempotent: true },
      ],
      prefixes: [{ prefix: "/old", access: "optional" }],
    },
    refusedPaths: ["/internal"],
    healthPath: "/healthz",
    allowedOrigins: ["https://shop.example"],
    allowedHeaders: ["idempotency-key"],
    exposedHeaders: ["x-request-id"],
    rateLimit: { requestsPerSecond: 500, burst: 1_000 },
    strippedHeaders: ["x-user-id"],
    maxRequestBytes: 1_048_576,
  },
  inside: {
    listen: { address: "127.0.0.1", port: 15_001 },
    callers: [{ uri: "spiffe://shop.example/web", mayCall: ["carts"] }],
    health: "carts",
  },
  identity: {
    certificate: { name: "certificate", file: "/certs/envoy/certificate.sds.json" },
    authorities: { name: "authorities", file: "/certs/envoy/authorities.sds.json" },
  },
  tracing: { collectorUrl: "http://127.0.0.1:4318", serviceName: "envoy", sampleRatio: 0.1 },
  accessLog: "all",
  idempotencyKeyHeader: "idempotency-key",
  maximumTimeoutMs: 60_000,
};

/** The same with another edge. */
export function withEdge(edge: Partial<EdgePolicy>): MeshModel {
  return { ...shop, edge: { ...shop.edge, ...edge } };
}
