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
  return refusedPaths.flatMap((prefix) =>
    wholeSegments(prefix).map((path) => route({ name: `refused ${prefix}`, match: { path }, to: { status: 404 } })),
  );
}

/** Everything that is no RPC of the model. After the RPCs; of several that fit the first counts. */
export function restRoutes({ service, routes, prefixes }: RestPolicy, context: RouteContext): Route[] {
  const common = { cluster: http1Cluster(service), timeoutMs: restTimeoutMs, speaks: "http" } as const;
  const any = { ...common, access: "token", idempotent: false } as const;
  const path = { prefix: "/" };
  return [
    ...groups(routes).flatMap(({ name, match, access, idempotent }) =>
      callRoutes({ ...common, name, match, access, idempotent }, context),
    ),
    ...prefixes
      .toSorted((a, b) => b.prefix.length - a.prefix.length)
      .flatMap(({ prefix, access }) =>
        wholeSegments(prefix).flatMap((below) =>
          callRoutes({ ...any, name: `REST ${prefix}`, match: { path: below }, access }, context),
        ),
      ),
    // An RPC that nobody has: the service says so in its caller's protocol.
    ...callRoutes(
      { ...any, name: "unknown RPC", match: { path }, cluster: service, speaks: "grpc", headers: [grpcContent()] },
      context,
    ),
    ...callRoutes({ ...any, name: "REST", match: { path } }, context),
  ];
}

interface Group {
  readonly name: string;
  readonly match: RouteMatchOptions;
  readonly access: Access;
  readonly idempotent: boolean;
}

/** What asks for more comes first. */
const strictness: readonly Access[] = ["token", "optional", "public"];

/** One route for all that are treated alike: RE2 looks for many patterns at once in the time of one. */
function groups(routes: readonly RestRoute[]): readonly Group[] {
  const alike = Map.groupBy(routes, ({ method, access, idempotent }) => `${method} ${access} ${idempotent}`);
  const made = [...alike.values()].flatMap((members) => {
    const [first] = members;
    if (first === undefined) return [];
    const { method, access, idempotent } = first;
    const pattern = [...new Set(members.map(({ path }) => patternOf(path)))].sort().join("|");
    return {
      name: `REST ${method} ${access}${idempotent ? " idempotent" : ""}`,
      match: { path: { pattern }, methods: methodsOf(method) },
      access,
      idempotent,
    };
  });
  return made.sort((a, b) => strictness.indexOf(a.access) - strictness.indexOf(b.access) || (a.name < b.name ? -1 : 1));
}

/** HEAD is GET without the body (RFC 9110, section 9.3.2). */
function methodsOf(method: string): readonly string[] {
  if (method === "*") return [];
  return method === "GET" ? ["GET", "HEAD"] : [method];
}

/** As RE2: `*` is one segment, with or without `%2F` in it, `**` any rest. */
function patternOf(path: string): string {
  return path
    .split(/(\*\*|\*)/)
    .map((part) => (part === "**" ? ".*" : part === "*" ? "[^/]+" : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")))
    .join("");
}

/** The path itself and everything below it, not what merely begins alike. */
function wholeSegments(prefix: string): readonly RouteMatchOptions["path"][] {
  return [{ exact: prefix }, { prefix: `${prefix}/` }];
}
