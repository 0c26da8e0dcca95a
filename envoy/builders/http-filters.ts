import { create } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { packAny } from "../any.ts";
import { BufferPerRouteSchema, BufferSchema } from "../gen/envoy/extensions/filters/http/buffer/v3/buffer_pb.js";
import { CorsSchema } from "../gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { FilterConfigSchema as GrpcStatsSchema } from "../gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js";
import { GrpcWebSchema } from "../gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.js";
import { HealthCheckSchema } from "../gen/envoy/extensions/filters/http/health_check/v3/health_check_pb.js";
import { RouterSchema } from "../gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import {
  type HttpFilter,
  HttpFilterSchema,
} from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { type AdmissionControlOptions, admissionControl } from "./admission-control.ts";
import { filterNames } from "./filter-names.ts";
import { type JwtAuthenticationOptions, jwtAuthentication } from "./jwt.ts";
import { rateLimitFilter } from "./rate-limit.ts";
import { type AccessRule, rbac } from "./rbac.ts";
import { exactHeader } from "./route-match.ts";

/** What happens to a request before it is routed. All that is not asked for is left out. */
export interface HttpFilterOptions {
  /** Envoy answers GET on this path itself: 200, or 503 once it drains. For load balancers before it. */
  readonly healthPath?: string;
  /** Browsers of other origins: which ones, each route or virtual host says (`corsPolicy`). */
  readonly cors?: boolean;
  readonly jwt?: JwtAuthenticationOptions;
  /** Who may call what, by client certificate. Whatever no rule allows is refused. */
  readonly rbac?: readonly AccessRule[];
  /** Routes with a rate limit (`rateLimit`) enforce it. */
  readonly rateLimit?: boolean;
  readonly admissionControl?: AdmissionControlOptions;
  /** Routes with a limit on bodies (`bodyLimit`) enforce it. */
  readonly buffer?: boolean;
  /** Counts messages and status codes of gRPC by method, for these services. */
  readonly grpcStats?: readonly { readonly service: string; readonly methods: readonly string[] }[];
  /** Browsers speak gRPC-Web, the services behind plain gRPC. */
  readonly grpcWeb?: boolean;
}

/**
 * The filters in the one order that works: health first, since a load balancer has no token; CORS before authentication,
 * since a preflight has none either; authentication before rate limits, so that strangers do not use up what clients are
 * granted; admission control after what refuses, so that it judges the services and not their callers; translation last.
 */
export function httpFilters(options: HttpFilterOptions): HttpFilter[] {
  const { healthPath, cors, jwt, rbac: rules, rateLimit, buffer, grpcStats, grpcWeb } = options;
  const parts: readonly (readonly [string, Any | undefined])[] = [
    [filterNames.adminHealth, healthPath === undefined ? undefined : healthFilter(healthPath)],
    [filterNames.cors, cors ? packAny(CorsSchema) : undefined],
    [filterNames.jwt, jwt && jwtAuthentication(jwt)],
    [filterNames.rbac, rules && rbac(rules)],
    [filterNames.rateLimit, rateLimit ? rateLimitFilter() : undefined],
    [filterNames.admissionControl, options.admissionControl && admissionControl(options.admissionControl)],
    [filterNames.buffer, buffer ? bufferFilter() : undefined],
    [filterNames.grpcStats, grpcStats && grpcStatsFilter(grpcStats)],
    [filterNames.grpcWeb, grpcWeb ? packAny(GrpcWebSchema) : undefined],
    [filterNames.router, routerFilter()],
  ];
  const filters = parts.flatMap(([name, config]) => (config === undefined ? [] : httpFilter(name, config)));
  // It would hold back every stream until its end: a route's own limit turns it on (`bodyLimit`).
  for (const filter of filters) filter.disabled = filter.name === filterNames.buffer;
  return filters;
}

/** A filter by its name in the chain and its configuration. */
export function httpFilter(name: string, config: Any): HttpFilter {
  return create(HttpFilterSchema, { name, configType: { case: "typedConfig", value: config } });
}

/**
 * A route's limit on a request's body: more is refused with 413. The body is read to its end before the service sees it,
 * so this is nothing for streams. The chain needs `buffer: true`.
 */
export function bodyLimit(maxBytes: number): Readonly<Record<string, Any>> {
  const value = create(BufferSchema, { maxRequestBytes: maxBytes });
  return { [filterNames.buffer]: packAny(BufferPerRouteSchema, { override: { case: "buffer", value } }) };
}

/** The filter asks for a limit of its own; it is off where a route has none. */
const largestBody = 2 ** 32 - 1;

function bufferFilter(): Any {
  return packAny(BufferSchema, { maxRequestBytes: largestBody });
}

function healthFilter(path: string): Any {
  return packAny(HealthCheckSchema, { passThroughMode: false, headers: [exactHeader(":path", path)] });
}

function grpcStatsFilter(services: NonNullable<HttpFilterOptions["grpcStats"]>): Any {
  // A list: names that callers make up must not become metrics.
  const value = { services: services.map(({ service, methods }) => ({ name: service, methodNames: [...methods] })) };
  return packAny(GrpcStatsSchema, {
    perMethodStatSpecifier: { case: "individualMethodStatsAllowlist", value },
    enableUpstreamStats: true,
  });
}

function routerFilter(): Any {
  return anyPack(RouterSchema, create(RouterSchema, { suppressEnvoyHeaders: false }));
}
