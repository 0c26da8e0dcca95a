import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { packAny } from "../any.ts";
import {
  type HeaderMatcher,
  HeaderMatcherSchema,
  type RouteMatch,
  RouteMatchSchema,
} from "../gen/envoy/config/route/v3/route_components_pb.js";
import { UriTemplateMatchConfigSchema } from "../gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js";

/** Which requests a route takes: all that is given has to hold. */
export interface RouteMatchOptions {
  /**
   * `exact` is the whole path without the query, `prefix` its first characters, `below` its first whole segments (`/a`
   * is `/a` and `/a/b`, not `/ab`), `template` segments with `*`, `**` and `{name}`, `pattern` an RE2 expression for the
   * whole path.
   */
  readonly path:
    | { readonly exact: string }
    | { readonly prefix: string }
    | { readonly below: string }
    | { readonly template: string }
    | { readonly pattern: string };
  /** @default all */
  readonly methods?: readonly string[];
  /** Only gRPC requests: content type application/grpc, with or without a codec's name. @default false */
  readonly grpc?: boolean;
  /** Headers that must have exactly these values. */
  readonly headers?: Readonly<Record<string, string>>;
}

export function routeMatch({ path, methods = [], grpc = false, headers = {} }: RouteMatchOptions): RouteMatch {
  return create(RouteMatchSchema, {
    pathSpecifier: pathSpecifier(path),
    headers: [
      ...(methods.length === 0 ? [] : [methodMatcher(methods)]),
      ...Object.entries(headers).map(([name, value]) => exactHeader(name, value)),
    ],
    ...(grpc ? { grpc: {} } : {}),
  });
}

export function exactHeader(name: string, value: string): HeaderMatcher {
  return headerMatcher(name, { case: "exact", value });
}

function methodMatcher(methods: readonly string[]): HeaderMatcher {
  const [only] = methods;
  if (only !== undefined && methods.length === 1) return exactHeader(":method", only);
  return headerMatcher(":method", { case: "safeRegex", value: { regex: methods.join("|") } });
}

type MatchPattern =
  | { readonly case: "exact"; readonly value: string }
  | { readonly case: "safeRegex"; readonly value: { readonly regex: string } };

function headerMatcher(name: string, matchPattern: MatchPattern): HeaderMatcher {
  return create(HeaderMatcherSchema, {
    name,
    headerMatchSpecifier: { case: "stringMatch", value: { matchPattern } },
  });
}

function pathSpecifier(path: RouteMatchOptions["path"]): MessageInitShape<typeof RouteMatchSchema>["pathSpecifier"] {
  if ("exact" in path) return { case: "path", value: path.exact };
  if ("prefix" in path) return { case: "prefix", value: path.prefix };
  if ("below" in path) return { case: "pathSeparatedPrefix", value: path.below };
  if ("pattern" in path) return { case: "safeRegex", value: { regex: path.pattern } };
  const typedConfig = packAny(UriTemplateMatchConfigSchema, { pathTemplate: path.template });
  return {
    case: "pathMatchPolicy",
    value: { name: "envoy.path.match.uri_template.uri_template_matcher", typedConfig },
  };
}
