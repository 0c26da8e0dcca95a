import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { Caller } from "@ordermesh/runtime/rpc/caller.ts";
import { Access } from "@ordermesh/runtime/rpc/policy.ts";
import { type GatewayOptions, legacySurfacesOf } from "./index.ts";
import { meshServices, nativeServices } from "./native-services.ts";
import { createNativeSurface } from "./surfaces/native/index.ts";
import { createRouteTable, type RoutePath } from "./transcoder/route-table.ts";

/** What a proxy before the gateway must know of a route. */
export interface EdgeRoute {
  readonly surface: string;
  /** `*` for any. */
  readonly method: string;
  /** Literals, `*` for one segment and `**` for any rest. */
  readonly path: string;
  /** The method may be called without credentials, whatever the surface's rule. */
  readonly isPublic: boolean;
  readonly idempotent: boolean;
}

export interface EdgeRoutes {
  readonly routes: readonly EdgeRoute[];
  /** Below these prefixes (whole segments) the surface answers what is no route, too. */
  readonly prefixes: readonly { readonly surface: string; readonly prefix: string }[];
}

/** Nobody calls through these surfaces: only their tables are read. */
const nobody: Caller = {
  unary: async () => {
    throw fail("METHOD_NOT_FOUND");
  },
};
const neverReady: GatewayOptions["readiness"] = { status: () => "NOT_SERVING", subscribe: () => () => {} };

/** The gateway's route table, all surfaces together, as a proxy before it needs it. */
export function edgeRoutes(config: GatewayOptions["config"]): EdgeRoutes {
  const native = createNativeSurface([...nativeServices, ...meshServices]);
  const legacy = legacySurfacesOf({ config, caller: nobody, readiness: neverReady });
  return {
    routes: createRouteTable([native, ...legacy], { alone: false }).paths.map(edgeRoute),
    prefixes: legacy.flatMap(({ name, routing }) => routing.prefixes.map((prefix) => ({ surface: name, prefix }))),
  };
}

function edgeRoute({ route, segments }: RoutePath): EdgeRoute {
  const spelled = segments.map((one) => (one.kind === "literal" ? one.value : one.kind === "one" ? "*" : "**"));
  const verb = route.template.verb === undefined ? "" : `:${route.template.verb}`;
  return {
    surface: route.surface.name,
    method: route.httpMethod,
    path: `/${spelled.join("/")}${verb}`,
    isPublic: route.policy.access === Access.PUBLIC,
    idempotent: route.method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
  };
}
