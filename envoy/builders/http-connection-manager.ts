import { create } from "@bufbuild/protobuf";
import { packAny } from "../any.ts";
import type { AccessLog } from "../gen/envoy/config/accesslog/v3/accesslog_pb.js";
import { HttpProtocolOptions_HeadersWithUnderscoresAction } from "../gen/envoy/config/core/v3/protocol_pb.js";
import type { RouteConfiguration } from "../gen/envoy/config/route/v3/route_pb.js";
import {
  type HttpConnectionManager,
  HttpConnectionManager_ForwardClientCertDetails,
  HttpConnectionManager_PathWithEscapedSlashesAction,
  HttpConnectionManagerSchema,
} from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { HeaderMutationSchema } from "../gen/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation_pb.js";
import { type HttpFilterOptions, httpFilters } from "./http-filters.ts";
import { http2Limits } from "./http-protocols.ts";
import { type TracingOptions, tracing } from "./tracing.ts";
import { milliseconds, overAds } from "./values.ts";

export interface HttpConnectionManagerOptions {
  /** Begins the names of this listener's metrics. */
  readonly statPrefix: string;
  /**
   * "edge": strangers connect, and nothing they say of themselves is believed. "inside": own services do, through mTLS;
   * they say whom they act for, and the services behind are told whose certificate it was.
   */
  readonly side: "edge" | "inside";
  /** Routes over the xDS stream by name, or fixed ones. */
  readonly routes: { readonly rds: string } | { readonly fixed: RouteConfiguration };
  readonly filters: HttpFilterOptions;
  readonly accessLogs?: readonly AccessLog[];
  readonly tracing?: TracingOptions;
  /** Removed before anything looks at a request: headers by which inner services know the caller. */
  readonly removeRequestHeaders?: readonly string[];
  /** Proxies in front whose X-Forwarded-For is believed. @default 0: clients connect to this one */
  readonly trustedHops?: number;
  /**
   * What is done with `%2F` and `%5C` in a path: "redirect" to the path with slashes, "reject", or "keep". Transcoded REST
   * names may contain slashes and need "keep".
   *
   * @default "redirect": whoever checks paths before and after Envoy sees the same one
   */
  readonly escapedSlashes?: "redirect" | "reject" | "keep";
  /** @default 60: Envoy's own, said aloud; more is answered with 431 */
  readonly maxRequestHeadersKb?: number;
  /** @default 10,000: headers fit into a packet or two, and who sends them in drops holds a connection for nothing */
  readonly requestHeadersTimeoutMs?: number;
  /** Until a request's last byte; 0: none, for client streams of hours. @default 300,000 */
  readonly requestTimeoutMs?: number;
  /** Silence within a stream; a route's own comes first. @default 300,000 */
  readonly streamIdleTimeoutMs?: number;
  /** A connection without requests. @default 3,600,000 */
  readonly idleTimeoutMs?: number;
}

const escapedSlashActions = {
  redirect: HttpConnectionManager_PathWithEscapedSlashesAction.UNESCAPE_AND_REDIRECT,
  reject: HttpConnectionManager_PathWithEscapedSlashesAction.REJECT_REQUEST,
  keep: HttpConnectionManager_PathWithEscapedSlashesAction.KEEP_UNCHANGED,
};

/** How a listener speaks HTTP. Values without a word of their own are those of Envoy's guide for edge proxies. */
export function httpConnectionManager(options: HttpConnectionManagerOptions): HttpConnectionManager {
  const { statPrefix, side, routes, trustedHops = 0, escapedSlashes = "redirect" } = options;
  return create(HttpConnectionManagerSchema, {
    statPrefix,
    routeSpecifier:
      "rds" in routes
        ? { case: "rds", value: { routeConfigName: routes.rds, configSource: overAds } }
        : { case: "routeConfig", value: routes.fixed },
    httpFilters: httpFilters(options.filters),
    accessLog: [...(options.accessLogs ?? [])],
    ...(options.tracing === undefined ? {} : { tracing: tracing(options.tracing) }),
    ...identity(side),
    ...removal(options.removeRequestHeaders ?? []),
    xffNumTrustedHops: trustedHops,
    // One spelling for each path: a check of the path must hold for what the service sees.
    normalizePath: true,
    mergeSlashes: true,
    pathWithEscapedSlashesAction: escapedSlashActions[escapedSlashes],
    maxRequestHeadersKb: options.maxRequestHeadersKb ?? 60,
    requestHeadersTimeout: milliseconds(options.requestHeadersTimeoutMs ?? 10_000),
    requestTimeout: milliseconds(options.requestTimeoutMs ?? 300_000),
    streamIdleTimeout: milliseconds(options.streamIdleTimeoutMs ?? 300_000),
    commonHttpProtocolOptions: {
      idleTimeout: milliseconds(options.idleTimeoutMs ?? 3_600_000),
      // Servers that read x_user as x-user would be told what a check of x-user never saw.
      headersWithUnderscoresAction: HttpProtocolOptions_HeadersWithUnderscoresAction.REJECT_REQUEST,
    },
    http2ProtocolOptions: http2Limits,
    // Whoever complains can name the request.
    alwaysSetRequestIdInResponse: true,
  });
}

function identity(side: HttpConnectionManagerOptions["side"]) {
  const { SANITIZE, SANITIZE_SET } = HttpConnectionManager_ForwardClientCertDetails;
  // The client's address is that of the connection, not what a header says; x-envoy-* and XFCC from outside are dropped.
  if (side === "edge") return { useRemoteAddress: true, forwardClientCertDetails: SANITIZE };
  return {
    useRemoteAddress: false,
    forwardClientCertDetails: SANITIZE_SET,
    setCurrentClientCertDetails: { uri: true },
  };
}

function removal(names: readonly string[]) {
  if (names.length === 0) return {};
  const mutations = names.map((value) => ({ action: { case: "remove", value } as const }));
  const typedConfig = packAny(HeaderMutationSchema, { mutations });
  return {
    earlyHeaderMutationExtensions: [{ name: "envoy.http.early_header_mutation.header_mutation", typedConfig }],
  };
}
