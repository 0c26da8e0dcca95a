import { route } from "../builders/route.ts";
import type { RouteMatchOptions } from "../builders/route-match.ts";
import type { Route } from "../gen/envoy/config/route/v3/route_components_pb.js";
import { http1Cluster } from "./clusters.ts";
import type { Access, EdgePolicy, RestPolicy, RestRoute } from "./model.ts";
import { callRoutes, grpcContent, type RouteContext } from "./route-parts.ts";

/** Of one try of a request that may be repeated (milliseconds). */
const restTimeoutMs = 10_000;

/** Paths that nobody outside may ask for: they do not exist there. Before all others. */
export function refusedRoutes({ refusedPaths }: Pick<EdgePolicy, "refusedPaths">): Route[] {
  return refusedPaths.map((below) =>
    route({ name: `refused ${below}`, match: { path: { below } }, to: { status: 404 } }),
  );
}

/** Everything else, where nothing else is served; after all others. */
export function nobody(): Route {
  return route({ name: "nobody", match: { path: { prefix: "/" } }, to: { status: 404 } });
}

/**
 * Everything that is no RPC of the model; after the RPCs. Of several that fit the first counts: paths that are treated
 * otherwise than all that is below their prefix, then the prefixes. So a table of a hundred paths is a handful of routes.
 */
export function restRoutes({ service, routes, prefixes }: RestPolicy, context: RouteContext): Route[] {
  const common = { cluster: http1Cluster(service), timeoutMs: restTimeoutMs, speaks: "http" } as const;
  const longestFirst = prefixes.toSorted((a, b) => b.prefix.length - a.prefix.length);
  const accessBelow = (path: string) => longestFirst.find(({ prefix }) => isBelow(path, prefix))?.access ?? "token";
  const exceptions = routes
    .filter((one) => one.access !== accessBelow(one.path) || one.idempotent !== isSafe(one.method))
    .toSorted((a, b) => strictness.indexOf(a.access) - strictness.indexOf(b.access));

  const below = (path: RouteMatchOptions["path"], name: string, access: Access) => [
    ...callRoutes(
      { ...common, name: `${name} read`, match: { path, methods: safe }, access, idempotent: true },
      context,
    ),
    ...callRoutes({ ...common, name, match: { path }, access, idempotent: false }, context),
  ];
  return [
    ...exceptions.flatMap(({ method, path, access, idempotent }) => {
      const match = { path: pathOf(path), methods: methodsOf(method) };
      return callRoutes({ ...common, name: `REST ${method} ${path}`, match, access, idempotent }, context);
    }),
    ...longestFirst
      .filter(({ access }) => access !== "token")
      .flatMap(({ prefix, access }) => below({ below: prefix }, `REST ${prefix}`, access)),
    // An RPC that nobody has: the service says so in its caller's protocol.
    ...callRoutes({ ...common, ...unknownRpc, cluster: service, headers: [grpcContent()] }, context),
    ...below({ prefix: "/" }, "REST", "token"),
  ];
}

/** What asks for more comes first. */
const strictness: readonly Access[] = ["token", "optional", "public"];

/** They change nothing (RFC 9110, section 9.2.1), unless a route says otherwise. */
const safe: readonly string[] = ["GET", "HEAD"];

const unknownRpc = {
  name: "unknown RPC",
  match: { path: { prefix: "/" } },
  access: "token",
  idempotent: false,
  speaks: "grpc",
} as const;

function isSafe(method: string): boolean {
  return safe.includes(method);
}

function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

/** HEAD is GET without the body (RFC 9110, section 9.3.2). */
function methodsOf(method: RestRoute["method"]): readonly string[] {
  if (method === "*") return [];
  return method === "GET" ? safe : [method];
}

/** `*` is one segment, `**` any rest. */
function pathOf(path: string): RouteMatchOptions["path"] {
  if (!path.includes("*")) return { exact: path };
  const parts = path.split(/(\*\*|\*)/);
  const patterns = parts.map((part) => (part === "**" ? ".*" : part === "*" ? "[^/]+" : literally(part)));
  return { pattern: patterns.join("") };
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
