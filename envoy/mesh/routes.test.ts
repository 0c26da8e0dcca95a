import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { filterNames } from "../builders/filter-names.ts";
import type { Route } from "../gen/envoy/config/route/v3/route_components_pb.js";
import type { RouteConfiguration } from "../gen/envoy/config/route/v3/route_pb.js";
import { BufferPerRouteSchema } from "../gen/envoy/extensions/filters/http/buffer/v3/buffer_pb.js";
import { PerRouteConfigSchema } from "../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { LocalRateLimitSchema } from "../gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import { edgeRoutes } from "./edge-listener.ts";
import { insideRoutes } from "./inside-listener.ts";
import type { InsidePolicy } from "./model.ts";
import { shop, withEdge } from "./testing/shop.ts";

interface Request {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The route that Envoy takes: the first that fits. */
function pick(config: RouteConfiguration, path: string, { method = "GET", headers = {} }: Request = {}): Route {
  const all: Readonly<Record<string, string>> = { ":method": method, ...headers };
  const found = config.virtualHosts[0]?.routes.find(({ match }) => {
    if (match === undefined || !fits(match.pathSpecifier, path)) return false;
    return match.headers.every(({ name, headerMatchSpecifier: wanted }) => {
      const value = all[name];
      if (wanted.case === "presentMatch") return value !== undefined;
      if (wanted.case !== "stringMatch" || value === undefined) return false;
      const pattern = wanted.value.matchPattern;
      if (pattern.case === "exact") return value === pattern.value;
      if (pattern.case === "prefix") return value.startsWith(pattern.value);
      return pattern.case === "safeRegex" && new RegExp(`^(?:${pattern.value.regex})$`).test(value);
    });
  });
  if (found === undefined) throw new Error(`no route for ${path}`);
  return found;
}

function fits(specifier: NonNullable<Route["match"]>["pathSpecifier"], path: string): boolean {
  switch (specifier.case) {
    case "path":
      return path === specifier.value;
    case "prefix":
      return path.startsWith(specifier.value);
    case "pathSeparatedPrefix":
      return path === specifier.value || path.startsWith(`${specifier.value}/`);
    case "safeRegex":
      return new RegExp(`^(?:${specifier.value.regex})$`).test(path);
    default:
      throw new Error(`no such test of a path: ${specifier.case}`);
  }
}

function forwarded(route: Route) {
  if (route.action.case !== "route") throw new Error(`${route.name} goes nowhere`);
  return route.action.value;
}

const edge = edgeRoutes(shop);
const inside = insideRoutes(shop, shop.inside as InsidePolicy);
const grpc = { method: "POST", headers: { "content-type": "application/grpc+proto" } };
const connect = { method: "POST", headers: { "content-type": "application/proto" } };
const key = { "idempotency-key": "k1" };

/** What the route asks of a token. */
function access(route: Route): string {
  const settings = route.typedPerFilterConfig[filterNames.jwt];
  const specifier = settings && anyUnpack(settings, PerRouteConfigSchema)?.requirementSpecifier;
  if (specifier === undefined) return "token";
  return specifier.case === "disabled" ? "public" : String(specifier.value);
}

describe("RPCs", () => {
  test.each([
    ["gRPC", grpc, "carts"],
    ["gRPC-Web", { method: "POST", headers: { "content-type": "application/grpc-web+proto" } }, "carts"],
    ["Connect", connect, "carts.http1"],
    ["Connect with GET", { method: "GET" }, "carts.http1"],
  ])("%s goes to the service that owns it", (_name, request, cluster) => {
    const { clusterSpecifier } = forwarded(pick(edge, "/shop.v1.Carts/Get", request));
    expect(clusterSpecifier).toEqual({ case: "cluster", value: cluster });
  });

  test("an unknown method goes to the service, which says so", () => {
    expect(forwarded(pick(edge, "/shop.v1.Carts/Steal", grpc)).clusterSpecifier.value).toBe("carts");
  });

  test("an unknown service goes to the REST service in gRPC", () => {
    expect(forwarded(pick(edge, "/shop.v9.None/Get", grpc)).clusterSpecifier.value).toBe("web");
  });

  test.each([
    ["idempotent", "Get", {}, true],
    ["not idempotent", "Add", {}, false],
    ["not idempotent, with a key by which the service tells the repetition", "Add", key, true],
    ["a stream", "Watch", {}, false],
  ])("%s: is it repeated?", (_name, method, headers, repeated) => {
    for (const { headers: protocol } of [grpc, connect]) {
      const route = pick(edge, `/shop.v1.Carts/${method}`, { method: "POST", headers: { ...protocol, ...headers } });
      expect(forwarded(route).retryPolicy !== undefined).toBe(repeated);
    }
  });

  test("a repetition goes to another instance, and each try has the method's time", () => {
    const { retryPolicy } = forwarded(pick(edge, "/shop.v1.Carts/Get", grpc));
    expect(retryPolicy?.retryHostPredicate.map(({ name }) => name)).toEqual([
      "envoy.retry_host_predicates.previous_hosts",
    ]);
    expect(retryPolicy?.perTryTimeout?.seconds).toBe(2n);
  });

  test("gRPC without a deadline has the method's, with one its own up to the longest, and a second for the service's word", () => {
    const { timeout, maxStreamDuration } = forwarded(pick(edge, "/shop.v1.Carts/Add", grpc));
    expect(timeout?.seconds).toBe(0n);
    expect(maxStreamDuration?.maxStreamDuration?.seconds).toBe(4n);
    expect(maxStreamDuration?.grpcTimeoutHeaderMax?.seconds).toBe(61n);
  });

  test("Connect's own deadline is the service's business up to the longest", () => {
    expect(forwarded(pick(edge, "/shop.v1.Carts/Add", connect)).timeout?.seconds).toBe(61n);
  });

  test("a stream has no end", () => {
    const { timeout, maxStreamDuration } = forwarded(pick(edge, "/shop.v1.Carts/Watch", grpc));
    expect([timeout?.seconds, maxStreamDuration?.grpcTimeoutHeaderMax?.seconds]).toEqual([0n, 0n]);
  });

  test("a stream's body is not waited for, others have a largest size", () => {
    const limit = (method: string) => {
      const settings = pick(edge, `/shop.v1.Carts/${method}`, grpc).typedPerFilterConfig[filterNames.buffer];
      const override = settings && anyUnpack(settings, BufferPerRouteSchema)?.override;
      return override?.case === "buffer" ? override.value.maxRequestBytes : undefined;
    };
    expect([limit("Watch"), limit("Add")]).toEqual([undefined, 1_048_576]);
  });
});

describe("tokens", () => {
  test.each([
    ["/shop.v1.Carts/Get", "token"],
    ["/shop.v1.Carts/Offers", "public"],
    ["/shop.v1.Carts/Steal", "token"],
    ["/v1/carts/1", "token"],
    ["/login", "public"],
    ["/old", "optional"],
    ["/old/items/1", "optional"],
    ["/old/unknown", "optional"],
    ["/older", "token"],
    ["/anything", "token"],
  ])("%s: %s", (path, wanted) => {
    expect(access(pick(edge, path, { method: "POST" }))).toBe(wanted);
  });

  test("what is public to one method is not to another", () => {
    expect(access(pick(edge, "/login", { method: "GET" }))).toBe("token");
  });

  test("of two routes that fit a path the stricter counts", () => {
    const routes = [
      { method: "GET", path: "/v1/*", access: "public", idempotent: true },
      { method: "GET", path: "/v1/secret", access: "optional", idempotent: true },
    ] as const;
    const made = edgeRoutes(withEdge({ rest: { service: "web", prefixes: [], routes } }));
    expect(access(pick(made, "/v1/secret"))).toBe("optional");
  });

  test("without an issuer no route speaks of tokens", () => {
    const made = edgeRoutes(withEdge({ jwt: undefined }));
    const routes = made.virtualHosts[0]?.routes ?? [];
    expect(routes.filter(({ typedPerFilterConfig }) => filterNames.jwt in typedPerFilterConfig)).toEqual([]);
  });
});

describe("REST", () => {
  test.each([
    ["a GET", "/v1/carts/1", { method: "GET" }, true],
    ["a HEAD", "/v1/carts/1", { method: "HEAD" }, true],
    ["a GET with side effects", "/v1/draw", { method: "GET" }, false],
    ["a POST that is idempotent", "/v1/carts/1:empty", { method: "POST" }, true],
    ["a POST", "/v1/carts", { method: "POST" }, false],
    ["a POST with a key", "/v1/carts", { method: "POST", headers: key }, true],
    ["a GET below a prefix of its own", "/old/items/1", { method: "GET" }, true],
    ["a POST below a prefix of its own", "/old/items/1", { method: "POST" }, false],
  ])("%s: is it repeated?", (_name, path, request, repeated) => {
    const route = pick(edge, path, request);
    expect(forwarded(route).clusterSpecifier.value).toBe("web.http1");
    expect(forwarded(route).retryPolicy !== undefined).toBe(repeated);
  });

  test("a variable is one segment, an escaped slash is part of it", () => {
    expect(pick(edge, "/v1/carts/a%2Fb:empty", { method: "POST" }).name).toBe("REST POST /v1/carts/*:empty");
    expect(pick(edge, "/v1/carts/a/b:empty", { method: "POST" }).name).toBe("REST");
  });

  test.each(["/internal", "/internal/orders"])("%s does not exist outside", (path) => {
    expect(pick(edge, path).action).toMatchObject({ case: "directResponse", value: { status: 404 } });
  });

  test("a path that merely begins like a refused one is another one", () => {
    expect(pick(edge, "/internals").name).toBe("REST read");
  });
});

test("answers of UNAVAILABLE are repeated at one place on each way", () => {
  const conditions = (route: Route) => forwarded(route).retryPolicy?.retryOn.split(",");
  const lost = ["connect-failure", "refused-stream", "reset"];
  expect(conditions(pick(edge, "/shop.v1.Carts/Get", grpc))).toEqual([...lost, "unavailable", "cancelled"]);
  // The REST service and callers inside repeat calls themselves.
  expect(conditions(pick(edge, "/v1/carts/1"))).toEqual(lost);
  expect(conditions(pick(inside, "/shop.v1.Carts/Get", grpc))).toEqual(lost);
});

test("every route that goes anywhere has its rate limit, enforced in full", () => {
  for (const route of edge.virtualHosts[0]?.routes ?? []) {
    if (route.action.case !== "route") continue;
    const settings = route.typedPerFilterConfig[filterNames.rateLimit];
    const limit = settings && anyUnpack(settings, LocalRateLimitSchema);
    expect(limit?.filterEnforced?.defaultValue?.numerator).toBe(100);
    expect(limit?.rateLimitedAsResourceExhausted).toBe(true);
  }
});

describe("inside", () => {
  test("RPCs go to their service, with retries as at the edge", () => {
    const action = forwarded(pick(inside, "/shop.v1.Carts/Get", connect));
    expect(action.clusterSpecifier.value).toBe("carts.http1");
    expect(action.retryPolicy).toBeDefined();
  });

  test("no filter of the edge is spoken of", () => {
    const settings = inside.virtualHosts[0]?.routes.map(({ typedPerFilterConfig }) =>
      Object.keys(typedPerFilterConfig),
    );
    expect(settings?.flat()).toEqual([]);
  });

  test("health is that of the service callers mean", () => {
    expect(forwarded(pick(inside, "/grpc.health.v1.Health/Check", grpc)).clusterSpecifier.value).toBe("carts");
  });

  test("there is no REST", () => {
    expect(pick(inside, "/v1/carts").action).toMatchObject({ case: "directResponse", value: { status: 404 } });
  });

  test("services that nobody calls have no route", () => {
    const made = insideRoutes(shop, { ...(shop.inside as InsidePolicy), callers: [] });
    expect(pick(made, "/shop.v1.Carts/Get", grpc).name).toBe("nobody");
  });
});
