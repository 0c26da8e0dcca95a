import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { bodyLimit } from "../builders/http-filters.ts";
import { type RetryOptions, retryConditions } from "../builders/retry.ts";
import { type FilterSettings, type RouteOptions, route } from "../builders/route.ts";
import {
  type HeaderMatcher,
  HeaderMatcherSchema,
  type Route,
} from "../gen/envoy/config/route/v3/route_components_pb.js";
import type { Access, MeshModel } from "./model.ts";

/** What the routes of a listener have in common. */
export interface RouteContext {
  readonly model: Pick<MeshModel, "idempotencyKeyHeader" | "maximumTimeoutMs">;
  /** Settings of the listener's filters for a route that wants such a token. */
  filtersFor(access: Access): readonly FilterSettings[];
  /** The largest body of a call that does not stream (bytes); undefined: not looked at. */
  readonly maxRequestBytes?: number;
  /**
   * After what a call is repeated: `answers` that say UNAVAILABLE, too, or only lost `connections`, where somebody else on the
   * way repeats calls after answers. Two who do multiply an outage.
   */
  readonly repeatedAfter: "answers" | "connections";
}

/** A call that is answered once. */
export interface CallRoute {
  readonly name: string;
  readonly match: RouteOptions["match"];
  readonly cluster: string;
  readonly access: Access;
  readonly idempotent: boolean;
  readonly speaks: keyof typeof retryConditions;
  /** Of one try (milliseconds): what a call gets that asks for nothing. */
  readonly timeoutMs: number;
  /** Beside those of `match`. */
  readonly headers?: readonly HeaderMatcher[];
}

/** Services refuse what comes too late themselves, and say more than Envoy would: it waits this much longer. */
export const graceMs = 1_000;

const lostConnections = ["connect-failure", "refused-stream", "reset"];

/**
 * Routes of a call: one that repeats it where that is harmless, because its method is idempotent or because the call carries
 * a key by which the service tells the repetition; and for all others one that never does.
 */
export function callRoutes(call: CallRoute, context: RouteContext): Route[] {
  const { idempotencyKeyHeader: keyHeader } = context.model;
  const on = context.repeatedAfter === "answers" ? retryConditions[call.speaks] : lostConnections;
  const repeated: RetryOptions = { on, perTryTimeoutMs: call.timeoutMs };
  if (call.idempotent) return [callRoute(call, context, repeated)];
  const once = callRoute(call, context, undefined);
  if (keyHeader === undefined) return [once];
  const headers = [...(call.headers ?? []), present(keyHeader)];
  return [callRoute({ ...call, name: `${call.name} with key`, headers }, context, repeated), once];
}

function callRoute(call: CallRoute, context: RouteContext, retry: RetryOptions | undefined): Route {
  const { name, match, cluster, access, headers = [] } = call;
  const { maxRequestBytes } = context;
  // The longest that a caller may ask for: Envoy cannot read Connect's timeout header, services hold to it.
  const timeoutMs = context.model.maximumTimeoutMs + graceMs;
  const made = route({
    name,
    match,
    to: { cluster },
    protocol: call.speaks,
    timeoutMs,
    // The silence of a service that works on its one answer.
    idleTimeoutMs: timeoutMs,
    filters: [...context.filtersFor(access), ...(maxRequestBytes === undefined ? [] : [bodyLimit(maxRequestBytes)])],
    retry,
  });
  return withHeaders(made, headers);
}

/** Adds conditions to a route. */
export function withHeaders(made: Route, headers: readonly HeaderMatcher[]): Route {
  made.match?.headers.push(...headers);
  return made;
}

export function headerMatcher(
  name: string,
  headerMatchSpecifier: MessageInitShape<typeof HeaderMatcherSchema>["headerMatchSpecifier"],
): HeaderMatcher {
  return create(HeaderMatcherSchema, { name, headerMatchSpecifier });
}

function present(name: string): HeaderMatcher {
  return headerMatcher(name, { case: "presentMatch", value: true });
}

/** gRPC, and gRPC-Web, which Envoy turns into it. */
export function grpcContent(): HeaderMatcher {
  const matchPattern = { case: "prefix", value: "application/grpc" } as const;
  return headerMatcher("content-type", { case: "stringMatch", value: { matchPattern } });
}
