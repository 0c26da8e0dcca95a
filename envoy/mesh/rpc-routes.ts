import { route } from "../builders/route.ts";
import { milliseconds } from "../builders/values.ts";
import type { Route } from "../gen/envoy/config/route/v3/route_components_pb.js";
import { http1Cluster, speaksHttp1 } from "./clusters.ts";
import type { MeshService, RpcMethod } from "./model.ts";
import { type CallRoute, callRoutes, graceMs, grpcContent, type RouteContext, withHeaders } from "./route-parts.ts";

/** A stream that is silent for so long has nobody left at one of its ends. */
const streamIdleMs = 3_600_000;

/** The routes of a service's RPCs: gRPC goes on over HTTP/2, Connect over HTTP/1.1. Of several that fit the first counts. */
export function rpcRoutes(service: MeshService, context: RouteContext): Route[] {
  return service.rpcServices.flatMap(({ typeName, methods }) => [
    ...methods.flatMap((method) => methodRoutes(service, `${typeName}/${method.name}`, method, context)),
    // The service says what is wrong with a method that it does not have.
    ...unaryRoutes(service, `${typeName}/*`, { prefix: `/${typeName}/` }, unknownMethod, context),
  ]);
}

type Method = Omit<RpcMethod, "name" | "streaming">;

const unknownMethod: Method = { access: "token", idempotent: false, timeoutMs: 10_000 };

function methodRoutes(service: MeshService, name: string, method: RpcMethod, context: RouteContext): Route[] {
  const path = { exact: `/${name}` };
  if (!method.streaming) return unaryRoutes(service, name, path, method, context);
  const common = {
    match: { path },
    timeoutMs: 0,
    idleTimeoutMs: streamIdleMs,
    filters: context.filtersFor(method.access),
  };
  const grpc = route({ ...common, name: `${name} grpc`, to: { cluster: service.name }, protocol: "grpc" });
  const connect = { ...common, name: `${name} connect`, to: { cluster: http1Cluster(service.name) } };
  return [withHeaders(grpc, [grpcContent()]), ...(speaksHttp1(service) ? [route(connect)] : [])];
}

function unaryRoutes(
  service: MeshService,
  name: string,
  path: CallRoute["match"]["path"],
  method: Method,
  context: RouteContext,
): Route[] {
  const { access, idempotent, timeoutMs } = method;
  const call = { match: { path }, access, idempotent, timeoutMs };
  const grpc = {
    ...call,
    name: `${name} grpc`,
    cluster: service.name,
    speaks: "grpc",
    headers: [grpcContent()],
  } as const;
  const connect = { ...call, name: `${name} connect`, cluster: http1Cluster(service.name), speaks: "http" } as const;
  const bound = (made: Route) => boundByDeadline(made, timeoutMs, context.model.maximumTimeoutMs);
  return [...callRoutes(grpc, context).map(bound), ...(speaksHttp1(service) ? callRoutes(connect, context) : [])];
}

/** gRPC's own deadline counts, up to the longest allowed; a call without one gets the method's. */
function boundByDeadline(made: Route, timeoutMs: number, maximumTimeoutMs: number): Route {
  if (made.action.case !== "route") return made;
  const action = made.action.value;
  action.timeout = milliseconds(0);
  action.maxStreamDuration = {
    $typeName: "envoy.config.route.v3.RouteAction.MaxStreamDuration",
    maxStreamDuration: milliseconds(timeoutMs + graceMs),
    grpcTimeoutHeaderMax: milliseconds(maximumTimeoutMs + graceMs),
  };
  return made;
}
