import { type CorsRule, corsRuleFor, isBelow } from "./cors.ts";
import { type PathSegments, splitPath } from "./path.ts";
import type { RouteEntry, RouteTable } from "./route-table.ts";
import type { Surface } from "./surface.ts";

/** What to do with a request, by its method and path alone. */
export type Resolution = { readonly surface: Surface; readonly cors: CorsRule | undefined } & (
  | { readonly kind: "route"; readonly entry: RouteEntry; readonly path: PathSegments }
  | { readonly kind: "redirect"; readonly path: string; readonly absolute: boolean; readonly status: 301 | 307 }
  /** OPTIONS, answered by rule; `allow` is absent below a CORS rule. */
  | { readonly kind: "options"; readonly allow: readonly string[] | undefined }
  | { readonly kind: "method-not-allowed"; readonly allow: readonly string[] }
  | { readonly kind: "not-found" }
);

export interface Router {
  /** `path` as it came, without the query. */
  resolve(httpMethod: string, path: string): Resolution;
}

/** Finds who answers: routes first, then the rules of the surface that owns the path. Surfaces as in the table. */
export function createRouter(table: RouteTable, surfaces: readonly Surface[]): Router {
  const owners = surfaces
    .flatMap((surface) => surface.routing.prefixes.map((prefix) => ({ prefix, surface })))
    .sort((a, b) => b.prefix.length - a.prefix.length);

  return {
    resolve(httpMethod, path) {
      const match = path.startsWith("/") ? table.trie.match(httpMethod, splitPath(path)) : undefined;
      if (match?.entry !== undefined) {
        const { surface } = match.entry.route;
        return { kind: "route", surface, cors: corsRuleFor(surface.cors, path), entry: match.entry, path: match.path };
      }
      return unrouted(httpMethod, path, match?.others ?? []);
    },
  };

  function unrouted(httpMethod: string, path: string, others: readonly RouteEntry[]): Resolution {
    const surface = others[0]?.route.surface ?? ownerOf(path);
    const cors = corsRuleFor(surface.cors, path);
    if (httpMethod === "OPTIONS" && cors !== undefined) return { kind: "options", surface, cors, allow: undefined };
    if (others.length > 0 && surface.routing.trailingSlash !== "redirect-relative") {
      const allow = allowOf(others, surface);
      const answered = httpMethod === "OPTIONS" && surface.routing.options === "allow";
      return { kind: answered ? "options" : "method-not-allowed", surface, cors, allow };
    }
    const redirect = redirectOf(httpMethod, path, surface);
    if (redirect !== undefined) return redirect;
    if (others.length > 0) return { kind: "method-not-allowed", surface, cors, allow: allowOf(others, surface) };
    return { kind: "not-found", surface, cors };
  }

  function ownerOf(path: string): Surface {
    const owner = owners.find(({ prefix }) => isBelow(path, prefix))?.surface ?? surfaces[0];
    if (owner === undefined) throw new Error("a router needs a surface");
    return owner;
  }

  /** The other form of a trailing slash, where the surface redirects to it. Redirects carry no CORS headers. */
  function redirectOf(httpMethod: string, path: string, surface: Surface): Resolution | undefined {
    const rule = surface.routing.trailingSlash;
    if (rule !== "redirect-absolute" && rule !== "redirect-relative") return undefined;
    // A location that begins with two slashes would be another host.
    if (!path.startsWith("/") || path.startsWith("//")) return undefined;
    const absolute = rule === "redirect-absolute";
    const other = toggleSlash(path, absolute);
    if (other === "") return undefined;
    const match = table.trie.match(httpMethod, splitPath(other));
    const target = match.entry ?? (absolute ? match.others[0] : undefined);
    if (target?.route.surface !== surface) return undefined;
    const status = absolute || httpMethod !== "GET" ? 307 : 301;
    return { kind: "redirect", surface, cors: undefined, path: other, absolute, status };
  }
}

/** Methods of a path for `Allow`, in the order of its routes. */
function allowOf(entries: readonly RouteEntry[], surface: Surface): string[] {
  const methods = new Set<string>();
  for (const entry of entries) {
    if (entry.route.surface !== surface) continue;
    methods.add(entry.httpMethod);
    if (entry.headAsGet && entry.httpMethod === "GET") methods.add("HEAD");
  }
  if (surface.routing.options === "allow") methods.add("OPTIONS");
  return [...methods];
}

/** The path without its trailing slash (or slashes), or with one. */
function toggleSlash(path: string, all: boolean): string {
  if (!path.endsWith("/")) return `${path}/`;
  let end = path.length - 1;
  while (all && end > 0 && path.charAt(end - 1) === "/") end -= 1;
  return path.slice(0, end);
}
