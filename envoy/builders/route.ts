import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  type Route,
  type RouteActionSchema,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
} from "../gen/envoy/config/route/v3/route_components_pb.js";
import { type RouteConfiguration, RouteConfigurationSchema } from "../gen/envoy/config/route/v3/route_pb.js";
import { type RetryOptions, type retryConditions, retryPolicy } from "./retry.ts";
import { type RouteMatchOptions, routeMatch } from "./route-match.ts";
import { milliseconds } from "./values.ts";

/** Settings of filters for one route or virtual host: the results of `rateLimit`, `jwtRequirement`, `corsPolicy` ... */
export type FilterSettings = Readonly<Record<string, Any>>;

export interface RouteOptions {
  /** In logs, metrics and `envoy-config routes`. */
  readonly name: string;
  readonly match: RouteMatchOptions;
  /** Where requests go, or the answer that Envoy gives itself. */
  readonly to: { readonly cluster: string } | { readonly status: number; readonly body?: string };
  /** Which calls come here: a gRPC call out of time gets DEADLINE_EXCEEDED, others 504. @default "grpc" if `match` says so */
  readonly protocol?: keyof typeof retryConditions;
  /**
   * Bound of a whole call, answer and retries included; a shorter `grpc-timeout` of the client counts. 0 for streams: none.
   *
   * @default 15,000: Envoy's own, said aloud
   */
  readonly timeoutMs?: number;
  /** Bound of silence within a call. @default 15,000; 300,000 where `timeoutMs` is 0 */
  readonly idleTimeoutMs?: number;
  /** Only for calls that may be carried out twice. @default none */
  readonly retry?: RetryOptions;
  readonly filters?: readonly FilterSettings[];
  /** Replaces what `prefix` or `exact` matched. */
  readonly rewritePrefix?: string;
  readonly removeRequestHeaders?: readonly string[];
  readonly addRequestHeaders?: Readonly<Record<string, string>>;
}

export function route(options: RouteOptions): Route {
  const { name, match, to, filters = [], removeRequestHeaders = [], addRequestHeaders = {} } = options;
  return create(RouteSchema, {
    name,
    match: routeMatch(match),
    action: "cluster" in to ? { case: "route", value: forward(to.cluster, options) } : answer(to),
    typedPerFilterConfig: Object.assign({}, ...filters),
    requestHeadersToRemove: [...removeRequestHeaders],
    requestHeadersToAdd: Object.entries(addRequestHeaders).map(([key, value]) => ({ header: { key, value } })),
  });
}

function forward(cluster: string, options: RouteOptions): MessageInitShape<typeof RouteActionSchema> {
  const { match, timeoutMs = 15_000, retry, rewritePrefix = "" } = options;
  const protocol = options.protocol ?? (match.grpc ? "grpc" : "http");
  const idleTimeoutMs = options.idleTimeoutMs ?? (timeoutMs === 0 ? 300_000 : 15_000);
  return {
    clusterSpecifier: { case: "cluster", value: cluster },
    timeout: milliseconds(timeoutMs),
    idleTimeout: milliseconds(idleTimeoutMs),
    ...(protocol === "grpc" ? { maxStreamDuration: grpcTimeout(timeoutMs) } : {}),
    ...(retry === undefined ? {} : { retryPolicy: retryPolicy(retry, protocol) }),
    prefixRewrite: rewritePrefix,
  };
}

/**
 * A client that gives up earlier is believed, one that asks for more time is not (0: believed in both). Takes the place of
 * the route's timeout, which Envoy does not look at beside it.
 */
function grpcTimeout(timeoutMs: number) {
  return { maxStreamDuration: milliseconds(timeoutMs), grpcTimeoutHeaderMax: milliseconds(timeoutMs) };
}

function answer({ status, body }: { readonly status: number; readonly body?: string }) {
  const text = body === undefined ? {} : { body: { specifier: { case: "inlineString", value: body } as const } };
  return { case: "directResponse", value: { status, ...text } } as const;
}

export interface VirtualHostOptions {
  readonly name: string;
  /** Host names without port, `*.shop.example`, or `*` for every name that no other virtual host has. */
  readonly domains: readonly string[];
  /** The first that matches is taken. */
  readonly routes: readonly Route[];
  readonly filters?: readonly FilterSettings[];
}

export function virtualHost({ name, domains, routes, filters = [] }: VirtualHostOptions): VirtualHost {
  return create(VirtualHostSchema, {
    name,
    domains: [...domains],
    routes: [...routes],
    typedPerFilterConfig: Object.assign({}, ...filters),
    // Services see in x-envoy-attempt-count that a request is a repetition.
    includeRequestAttemptCount: true,
  });
}

export function routeConfiguration(name: string, virtualHosts: readonly VirtualHost[]): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name,
    virtualHosts: [...virtualHosts],
    // A port in the Host header tells nothing: clients leave out the default one.
    ignorePortInHostMatching: true,
    // Over xDS a cluster may come a moment after the route; requests meanwhile get 503.
    validateClusters: false,
  });
}
