import { httpConnectionManager } from "../builders/http-connection-manager.ts";
import { listener } from "../builders/listener.ts";
import type { AccessRule } from "../builders/rbac.ts";
import { routeConfiguration, virtualHost } from "../builders/route.ts";
import type { Listener } from "../gen/envoy/config/listener/v3/listener_pb.js";
import type { Route } from "../gen/envoy/config/route/v3/route_components_pb.js";
import type { RouteConfiguration } from "../gen/envoy/config/route/v3/route_pb.js";
import { http1Cluster, speaksHttp1 } from "./clusters.ts";
import { accessLogs } from "./edge-listener.ts";
import { localReplies } from "./local-replies.ts";
import type { InsidePolicy, MeshModel, MeshService } from "./model.ts";
import { nobody } from "./rest-routes.ts";
import { callRoutes, grpcContent, type RouteContext } from "./route-parts.ts";
import { rpcRoutes } from "./rpc-routes.ts";
import { tracingOf } from "./tracing.ts";

export const insideName = "inside";

const healthPrefix = "/grpc.health.v1.Health/";

/** The port through which services call each other: who may connect at all, TLS says; who may call what, RBAC. */
export function insideListener(model: MeshModel, inside: InsidePolicy): Listener {
  const { identity, services, tracing } = model;
  const http = httpConnectionManager({
    statPrefix: insideName,
    side: "inside",
    routes: { rds: insideName },
    // Without certificates nobody can be told from anybody.
    filters: { rbac: identity && accessRules(inside, services) },
    accessLogs: accessLogs({ accessLog: model.accessLog === "off" ? "off" : "errors" }),
    tracing: tracing && tracingOf(tracing),
    escapedSlashes: "keep",
  });
  http.localReplyConfig = localReplies();
  http.preserveExternalRequestId = true;
  return listener({
    name: insideName,
    ...inside.listen,
    http,
    tls: identity && {
      certificate: identity.certificate,
      clients: {
        authorities: identity.authorities,
        names: inside.callers.map(({ uri }) => ({ type: "uri", exact: uri })),
      },
    },
  });
}

function accessRules({ callers, health }: InsidePolicy, services: readonly MeshService[]): readonly AccessRule[] {
  return callers.map(({ uri, mayCall }) => ({
    name: uri,
    principals: [uri],
    pathPrefixes: [
      ...mayCall.flatMap((name) => rpcPrefixes(services.find((service) => service.name === name))),
      ...(health !== undefined && mayCall.includes(health) ? [healthPrefix] : []),
    ],
  }));
}

function rpcPrefixes(service: MeshService | undefined): readonly string[] {
  return service?.rpcServices.map(({ typeName }) => `/${typeName}/`) ?? [];
}

/** RPCs go to the service that has them; there is nothing else inside. */
export function insideRoutes(model: MeshModel, inside: InsidePolicy): RouteConfiguration {
  // Callers inside have clients that repeat calls.
  const context: RouteContext = { model, filtersFor: () => [], repeatedAfter: "connections" };
  const called = new Set(inside.callers.flatMap(({ mayCall }) => mayCall));
  const services = model.services.filter(({ name }) => called.has(name));
  const routes = [
    ...services.flatMap((service) => rpcRoutes(service, context)),
    ...healthRoutes(
      model.services.find(({ name }) => name === inside.health),
      context,
    ),
    nobody(),
  ];
  return routeConfiguration(insideName, [virtualHost({ name: insideName, domains: ["*"], routes })]);
}

function healthRoutes(service: MeshService | undefined, context: RouteContext): readonly Route[] {
  if (service === undefined) return [];
  const path = { prefix: healthPrefix };
  const call = { name: "health", match: { path }, access: "public", idempotent: true, timeoutMs: 2_000 } as const;
  return [
    ...callRoutes({ ...call, cluster: service.name, speaks: "grpc", headers: [grpcContent()] }, context),
    ...(speaksHttp1(service)
      ? callRoutes({ ...call, cluster: http1Cluster(service.name), speaks: "http" }, context)
      : []),
  ];
}
