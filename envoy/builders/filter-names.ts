/**
 * Names of the HTTP filters: a route's own settings refer to a filter by its name in the chain, so both sides take it from
 * here.
 */
export const filterNames = {
  adminHealth: "envoy.filters.http.health_check",
  cors: "envoy.filters.http.cors",
  jwt: "envoy.filters.http.jwt_authn",
  rbac: "envoy.filters.http.rbac",
  rateLimit: "envoy.filters.http.local_ratelimit",
  admissionControl: "envoy.filters.http.admission_control",
  buffer: "envoy.filters.http.buffer",
  grpcStats: "envoy.filters.http.grpc_stats",
  grpcWeb: "envoy.filters.http.grpc_web",
  router: "envoy.filters.http.router",
} as const;
