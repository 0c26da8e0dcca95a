import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type Any, anyUnpack, type Duration } from "@bufbuild/protobuf/wkt";
import { filterNames } from "../builders/filter-names.ts";
import type {
  HeaderMatcher,
  Route,
  RouteAction,
  RouteMatch,
  VirtualHost,
} from "../gen/envoy/config/route/v3/route_components_pb.js";
import type { RouteConfiguration } from "../gen/envoy/config/route/v3/route_pb.js";
import { PerRouteConfigSchema } from "../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { LocalRateLimitSchema } from "../gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import { UriTemplateMatchConfigSchema } from "../gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js";

/** One route in words. Empty where a route says nothing of it. */
export interface RouteRow {
  readonly routes: string;
  readonly host: string;
  readonly name: string;
  /** Methods, path and what else has to hold. */
  readonly match: string;
  /** Cluster, or what Envoy answers itself. */
  readonly to: string;
  readonly timeout: string;
  readonly retry: string;
  /** JWT requirement of the route: a name, or "open". */
  readonly auth: string;
  readonly limit: string;
}

/** What goes where, in the order in which Envoy looks at it: the first match counts. */
export function routeRows(configuration: RouteConfiguration): readonly RouteRow[] {
  return configuration.virtualHosts.flatMap((host) => host.routes.map((route) => row(configuration.name, host, route)));
}

function row(routes: string, host: VirtualHost, route: Route): RouteRow {
  const settings = { ...host.typedPerFilterConfig, ...route.typedPerFilterConfig };
  return {
    routes,
    host: host.domains.join(" "),
    name: route.name,
    match: matchText(route.match),
    to: targetText(route),
    timeout: route.action.case === "route" ? timeoutText(route.action.value) : "",
    retry: retryText(route),
    auth: authText(settings[filterNames.jwt]),
    limit: limitText(settings[filterNames.rateLimit]),
  };
}

function matchText(match: RouteMatch | undefined): string {
  const isMethod = ({ name }: HeaderMatcher) => name === ":method";
  const methods = match?.headers.filter(isMethod).map(headerValue).join(",").replaceAll("|", ",");
  const headers = match?.headers
    .filter((header) => !isMethod(header))
    .map((header) => `${header.name}=${headerValue(header)}`);
  return [methods, pathOf(match), match?.grpc ? "grpc" : "", ...(headers ?? [])].filter(Boolean).join(" ");
}

function pathOf(match: RouteMatch | undefined): string {
  const path = match?.pathSpecifier;
  switch (path?.case) {
    case "path":
      return path.value;
    case "prefix":
      return `${path.value}*`;
    case "pathSeparatedPrefix":
      return `${path.value}[/*]`;
    case "safeRegex":
      return `~${path.value.regex}`;
    case "pathMatchPolicy":
      return unpack(path.value.typedConfig, UriTemplateMatchConfigSchema)?.pathTemplate ?? path.value.name;
    default:
      return path?.case ?? "";
  }
}

function headerValue({ headerMatchSpecifier: specifier, invertMatch }: HeaderMatcher): string {
  const pattern = specifier.case === "stringMatch" ? specifier.value.matchPattern : undefined;
  if (pattern?.case === "prefix") return `${invertMatch ? "!" : ""}${pattern.value}*`;
  const value = pattern?.case === "safeRegex" ? pattern.value.regex : (pattern?.value ?? specifier.case ?? "*");
  return `${invertMatch ? "!" : ""}${typeof value === "string" ? value : JSON.stringify(value)}`;
}

function targetText({ action }: Route): string {
  switch (action.case) {
    case "route": {
      const { clusterSpecifier } = action.value;
      if (clusterSpecifier.case === "cluster") return clusterSpecifier.value;
      if (clusterSpecifier.case !== "weightedClusters") return clusterSpecifier.case ?? "";
      return clusterSpecifier.value.clusters.map(({ name, weight }) => `${name}:${weight ?? 0}`).join(" ");
    }
    case "redirect":
      return `redirect ${action.value.hostRedirect}${action.value.pathRewriteSpecifier.value ?? ""}`;
    case "directResponse":
      return `answer ${action.value.status}`;
    default:
      return action.case ?? "";
  }
}

/** Envoy's default where the route says nothing; without a timeout, how long a stream may last, or what a gRPC client asks for. */
function timeoutText({ timeout, maxStreamDuration: stream }: RouteAction): string {
  const seconds = secondsOf(timeout) ?? 15;
  if (seconds > 0) return `${seconds}s`;
  const [longest = 0, asked] = [secondsOf(stream?.maxStreamDuration), secondsOf(stream?.grpcTimeoutHeaderMax)];
  const own = longest === 0 ? "none" : `${longest}s`;
  if (asked === undefined) return own;
  return `${own} or grpc-timeout${asked === 0 ? "" : ` to ${asked}s`}`;
}

function secondsOf(duration: Duration | undefined): number | undefined {
  return duration && Number(duration.seconds) + duration.nanos / 1e9;
}

function retryText({ action }: Route): string {
  const policy = action.case === "route" ? action.value.retryPolicy : undefined;
  return policy === undefined ? "" : `${policy.numRetries ?? 1}x ${policy.retryOn}`;
}

function authText(config: Any | undefined): string {
  const specifier = unpack(config, PerRouteConfigSchema)?.requirementSpecifier;
  if (specifier?.case === "requirementName") return specifier.value;
  return specifier?.case === "disabled" ? "open" : "";
}

function limitText(config: Any | undefined): string {
  const bucket = unpack(config, LocalRateLimitSchema)?.tokenBucket;
  if (bucket === undefined) return "";
  return `${Math.round((bucket.tokensPerFill ?? 1) / (secondsOf(bucket.fillInterval) ?? 0))}/s, burst ${bucket.maxTokens}`;
}

function unpack<Desc extends DescMessage>(any: Any | undefined, schema: Desc): MessageShape<Desc> | undefined {
  return any === undefined ? undefined : anyUnpack(any, schema);
}
