import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { ServiceBinding } from "@ordermesh/runtime/rpc/service.ts";
import type { CorsRule } from "./cors.ts";
import type { Dialect } from "./dialect.ts";
import type { JsonTree } from "./json-tree.ts";
import type { Problem } from "./problem.ts";
import type { Reply } from "./reply.ts";
import type { RestRequest } from "./rest-request.ts";

/**
 * A REST dialect of the gateway: which services it shows, how their messages look, and how everything that is not a
 * message looks. Data, but for the functions at its end.
 */
export interface Surface {
  /** As in `(ordermesh.rest.v1.surface).name`; `native` for services without that option. */
  readonly name: string;
  readonly services: readonly SurfaceService[];
  readonly dialect: Dialect;
  readonly routing: RoutingRules;
  readonly body: BodyRules;
  /** `Content-Type` of its JSON replies. */
  readonly contentType: string;
  /** Headers of every reply. */
  readonly headers?: Readonly<Record<string, string>>;
  /** By path prefix, the first that fits. */
  readonly cors?: readonly CorsRule[];

  /** Any problem with a request that is not a call yet, 404 and 405 among them. */
  renderProblem(problem: Problem, request: RestRequest): Reply;
  /** A call that failed. */
  renderError(error: ConnectError, request: RestRequest): Reply;
  /** The surface's own check of a body, for methods with `(ordermesh.rest.v1.rest).raw_body`. */
  checkBody?(method: DescMethod, body: RequestBody, request: RestRequest): BodyVerdict;
}

/** A service without handlers is called through the transcoder's Caller as it is. */
export type SurfaceService = { readonly service: DescService } & Partial<Pick<ServiceBinding, "handlers">>;

export interface RoutingRules {
  /**
   * Path prefixes (whole segments) whose unknown paths this surface answers where several share an origin; the
   * longest wins. Does not bind its routes.
   */
  readonly prefixes: readonly string[];
  /** Templates that are served only where the surface is alone on a port. */
  readonly ownPortPaths?: readonly string[];
  /** Surfaces that win where both have a route of the same method and path. */
  readonly yieldsTo?: readonly string[];
  /**
   * A path with a slash at its end, or lacking it, where only the other form has a route:
   * - `not-found`.
   * - `same`: both forms are routes.
   * - `redirect-absolute`: 307 to an absolute URL, whatever the method, no body (Starlette).
   * - `redirect-relative`: where the other form takes the method; 301 with a line of HTML for GET, else 307 without a
   *   body; the path only (gin).
   */
  readonly trailingSlash: "not-found" | "same" | "redirect-absolute" | "redirect-relative";
  /** `match`: a variable takes an empty segment, unless it is the last (gin). */
  readonly emptySegments: "not-found" | "match";
  /** `%2F` in a segment: part of a value, or a path that does not exist (servers that decode before they route). */
  readonly encodedSlash: "value" | "not-found";
  /** HEAD as GET without the body, or a method like any other. */
  readonly head: "as-get" | "plain";
  /** OPTIONS answered with 204 and `Allow`, or a method like any other. */
  readonly options: "allow" | "plain";
}

export interface BodyRules {
  /** Bytes; absent: the transcoder's. */
  readonly maxBytes?: number;
  /**
   * `json`: a body with another type is refused; `any`: the type is not looked at; `json-or-absent`: a body of another
   * type reaches `checkBody` as text (and is no JSON for methods without it).
   */
  readonly contentTypes: "json" | "any" | "json-or-absent";
}

/** A request's body as `checkBody` sees it. */
export type RequestBody =
  | { readonly kind: "absent" }
  | { readonly kind: "json"; readonly tree: JsonTree }
  /** Its content type is not JSON. */
  | { readonly kind: "other"; readonly contentType: string; readonly text: string };

/** Goes on with a tree (the same or a corrected one), or ends the request. */
export type BodyVerdict = { readonly tree: JsonTree | undefined } | { readonly reply: Reply };

/** Name of the surface for services that name none. */
export const nativeSurfaceName = "native";
