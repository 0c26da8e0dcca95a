import { jsonAccessLog } from "../builders/access-log.ts";
import { corsPolicy } from "../builders/cors.ts";
import { httpConnectionManager } from "../builders/http-connection-manager.ts";
import { jwtRequirement } from "../builders/jwt.ts";
import { listener } from "../builders/listener.ts";
import { rateLimit } from "../builders/rate-limit.ts";
import { type FilterSettings, routeConfiguration, virtualHost } from "../builders/route.ts";
import type { AccessLog } from "../gen/envoy/config/accesslog/v3/accesslog_pb.js";
import type { Listener } from "../gen/envoy/config/listener/v3/listener_pb.js";
import type { RouteConfiguration } from "../gen/envoy/config/route/v3/route_pb.js";
import {
  type HttpConnectionManager,
  HttpConnectionManager_ServerHeaderTransformation,
} from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { jwtRules } from "./jwt-keys.ts";
import { localReplies } from "./local-replies.ts";
import type { Access, EdgePolicy, MeshModel } from "./model.ts";
import { nobody, refusedRoutes, restRoutes } from "./rest-routes.ts";
import type { RouteContext } from "./route-parts.ts";
import { rpcRoutes } from "./rpc-routes.ts";
import { tracingOf } from "./tracing.ts";

export const edgeName = "edge";

/** Services take 16 KiB of headers and 100 of them (their HTTP libraries' customs): what Envoy adds has room. */
const maxHeadersKb = 15;
const maxHeaders = 80;

/** The port of the world. */
export function edgeListener(model: MeshModel): Listener {
  const { edge, tracing } = model;
  const http = httpConnectionManager({
    statPrefix: edgeName,
    side: "edge",
    routes: { rds: edgeName },
    filters: {
      healthPath: edge.healthPath,
      cors: edge.allowedOrigins.length > 0,
      jwt: edge.jwt && jwtRules(edge.jwt),
      rateLimit: true,
      // Half a minute back would go on refusing for as long after a database has restarted.
      admissionControl: { windowMs: 10_000 },
      buffer: true,
      grpcWeb: true,
    },
    accessLogs: accessLogs(model),
    tracing: tracing && tracingOf(tracing),
    removeRequestHeaders: edge.strippedHeaders,
    // A `%2F` is part of a name (google/api/http.proto); the REST service takes paths apart before it decodes them.
    escapedSlashes: "keep",
    maxRequestHeadersKb: maxHeadersKb,
    // A megabyte in a minute: slower than any line that loads a page.
    requestTimeoutMs: 60_000,
  });
  const { listen, certificate } = edge;
  return listener({ name: edgeName, ...listen, http: tuned(http), tls: certificate && { certificate } });
}

/** What the builder's options have no word for. */
function tuned(http: HttpConnectionManager): HttpConnectionManager {
  // Old clients send `/users//orders`, and get their system's answer to an empty id; `//` begins no route of its own.
  http.mergeSlashes = false;
  if (http.commonHttpProtocolOptions !== undefined) http.commonHttpProtocolOptions.maxHeadersCount = maxHeaders;
  // A service's own `server` header or none: what the proxy is called is nobody's business.
  http.serverHeaderTransformation = HttpConnectionManager_ServerHeaderTransformation.PASS_THROUGH;
  // A client's own id is kept; without one the services name requests by their trace, as they do without a proxy. Only
  // Envoy's tracer cannot do without: it draws the sample by the id.
  http.preserveExternalRequestId = true;
  http.localReplyConfig = localReplies();
  return http;
}

/** Where the edge's requests go. */
export function edgeRoutes(model: MeshModel): RouteConfiguration {
  const { edge, services } = model;
  const limit = rateLimit(edge.rateLimit);
  const context: RouteContext = {
    model,
    maxRequestBytes: edge.maxRequestBytes,
    repeatedAfter: "answers",
    filtersFor: (access) => [limit, ...tokenSettings(edge, access)],
  };
  const routes = [
    ...refusedRoutes(edge),
    ...services.flatMap((service) => rpcRoutes(service, context)),
    // The REST service repeats its own calls.
    ...(edge.rest === undefined ? [nobody()] : restRoutes(edge.rest, { ...context, repeatedAfter: "connections" })),
  ];
  const made = routeConfiguration(edgeName, [
    virtualHost({ name: edgeName, domains: ["*"], routes, filters: corsSettings(edge) }),
  ]);
  // How long a service took is in the access log.
  made.responseHeadersToRemove = ["x-envoy-upstream-service-time"];
  return made;
}

function tokenSettings({ jwt }: EdgePolicy, access: Access): readonly FilterSettings[] {
  if (jwt === undefined || access === "token") return [];
  return [jwtRequirement(access === "public" ? "none" : access)];
}

function corsSettings({ allowedOrigins, allowedHeaders, exposedHeaders }: EdgePolicy): readonly FilterSettings[] {
  if (allowedOrigins.length === 0) return [];
  return [
    corsPolicy({
      origins: allowedOrigins,
      requestHeaders: [...rpcRequestHeaders, ...allowedHeaders],
      responseHeaders: [...rpcResponseHeaders, ...exposedHeaders],
    }),
  ];
}

const rpcRequestHeaders = [
  "authorization",
  "content-type",
  "connect-protocol-version",
  "connect-timeout-ms",
  "grpc-timeout",
  "traceparent",
  "x-grpc-web",
  "x-user-agent",
];
const rpcResponseHeaders = ["grpc-status", "grpc-message", "grpc-status-details-bin", "retry-after"];

export function accessLogs({ accessLog }: Pick<MeshModel, "accessLog">): readonly AccessLog[] {
  if (accessLog === "off") return [];
  return [jsonAccessLog({ errorsOnly: accessLog === "errors", fields: logFields })];
}

const logFields = {
  upstream_ms: "%RESPONSE_DURATION%",
  // Envoy knows the trace only where it traces itself: else the client began it, or it has the request's id.
  traceparent: "%REQ(TRACEPARENT)%",
};
