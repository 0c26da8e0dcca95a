import { type DescService, getOption, hasOption } from "@bufbuild/protobuf";
import { type PathAlias, surface as surfaceOption } from "@ordermesh/proto/ordermesh/rest/v1/options_pb";
import type { PathSegments } from "./path.ts";
import { type Route, routesOf } from "./route.ts";
import { nativeSurfaceName, type Surface } from "./surface.ts";
import { parseTemplate, type Segment, TemplateError } from "./template.ts";
import { Trie, type TrieEntry } from "./trie.ts";

/** The services' annotations do not make a route table; `problems` has all that is wrong. */
export class RouteTableError extends Error {
  override readonly name = "RouteTableError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the REST routes are not usable:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
    this.problems = problems;
  }
}

/** A route at one of its paths: its own, or an alias. */
export class RouteEntry implements TrieEntry {
  readonly route: Route;
  readonly httpMethod: string;
  readonly headAsGet: boolean;
  /** Segments that an alias put before the template's. */
  readonly shift: number;

  constructor(route: Route, shift: number) {
    this.route = route;
    this.httpMethod = route.httpMethod;
    this.headAsGet = route.surface.routing.head === "as-get";
    this.shift = shift;
  }

  takes(path: PathSegments): boolean {
    const { emptySegments, encodedSlash } = this.route.surface.routing;
    return !(path.hasEmpty && emptySegments !== "match") && !(path.hasEncodedSlash && encodedSlash === "not-found");
  }
}

/** One of the paths at which a route is served: the template's own, or an alias. */
export interface RoutePath {
  readonly route: Route;
  readonly segments: readonly Segment[];
}

export interface RouteTable {
  readonly routes: readonly Route[];
  /** Every path of every route; of two routes that claim one, both. */
  readonly paths: readonly RoutePath[];
  readonly trie: Trie<RouteEntry>;
}

/**
 * Makes the routes of all surfaces and merges them. Throws RouteTableError when a rule is wrong, or when two methods
 * claim one path and no `yieldsTo` says who wins. `alone`: the one surface has a port of its own.
 */
export function createRouteTable(surfaces: readonly Surface[], { alone }: { readonly alone: boolean }): RouteTable {
  const problems: string[] = [];
  const report = (problem: string) => void problems.push(problem);
  const trie = new Trie<RouteEntry>();
  const routes: Route[] = [];
  const paths: RoutePath[] = [];
  for (const surface of surfaces) {
    const ownPort = new Set(surface.routing.ownPortPaths);
    for (const entry of surface.services) {
      checkSurface(surface, entry.service, report);
      const ofService = entry.service.methods.flatMap((method) => routesOf(surface, entry, method, report));
      const aliases = aliasesOf(entry.service, ofService, report);
      for (const route of ofService) {
        const isOwnPort = surface.routing.ownPortPaths?.includes(route.template.source) === true;
        ownPort.delete(route.template.source);
        for (const { segments, shift } of spellings(route, aliases, alone || !isOwnPort)) {
          insert(trie, segments, new RouteEntry(route, shift), report);
          paths.push({ route, segments });
        }
        routes.push(route);
      }
    }
    for (const path of ownPort) report(`surface ${surface.name}: own-port path ${path} is no route`);
  }
  if (problems.length > 0) throw new RouteTableError(problems);
  return { routes, paths, trie };
}

function checkSurface(surface: Surface, service: DescService, report: (problem: string) => void): void {
  const name = hasOption(service, surfaceOption) ? getOption(service, surfaceOption).name : nativeSurfaceName;
  if (name !== surface.name) report(`${service} belongs to surface "${name}", not "${surface.name}"`);
}

interface Alias {
  readonly from: readonly Segment[];
  readonly to: readonly Segment[];
}

function aliasesOf(service: DescService, routes: readonly Route[], report: (problem: string) => void): Alias[] {
  if (!hasOption(service, surfaceOption)) return [];
  return getOption(service, surfaceOption).alias.flatMap((alias) => {
    const parsed = parseAlias(alias);
    if (parsed === undefined) report(`${service}: alias "${alias.from}" for "${alias.to}" is not literal`);
    else if (!routes.some((route) => beginsWith(route.template.segments, parsed.to))) {
      report(`${service}: alias "${alias.from}" is for "${alias.to}", where no route begins`);
    }
    return parsed ?? [];
  });
}

function parseAlias({ from, to }: PathAlias): Alias | undefined {
  try {
    const parsed = { from: parseTemplate(from).segments, to: to === "/" ? [] : parseTemplate(to).segments };
    const literal = [...parsed.from, ...parsed.to].every((segment) => segment.kind === "literal");
    return literal && !`${from}${to}`.includes(":") ? parsed : undefined;
  } catch (error) {
    if (error instanceof TemplateError) return undefined;
    throw error;
  }
}

/** Every spelling of a route's path: its own (where it is served), by aliases, and with a slash where that is the same. */
function spellings(route: Route, aliases: readonly Alias[], own: boolean): { segments: Segment[]; shift: number }[] {
  const { segments } = route.template;
  const all = own ? [{ segments: [...segments], shift: 0 }] : [];
  for (const { from, to } of aliases) {
    if (!beginsWith(segments, to)) continue;
    all.push({ segments: [...from, ...segments.slice(to.length)], shift: from.length - to.length });
  }
  if (route.surface.routing.trailingSlash !== "same" || segments.at(-1)?.kind === "rest") return all;
  const slash: Segment = { kind: "literal", value: "" };
  return all.flatMap((spelling) => [spelling, { ...spelling, segments: [...spelling.segments, slash] }]);
}

function beginsWith(segments: readonly Segment[], prefix: readonly Segment[]): boolean {
  return prefix.every((one, index) => {
    const segment = segments[index];
    return one.kind === "literal" && segment?.kind === "literal" && segment.value === one.value;
  });
}

function insert(
  trie: Trie<RouteEntry>,
  segments: readonly Segment[],
  entry: RouteEntry,
  report: (problem: string) => void,
): void {
  const slot = trie.slot(segments, entry.route.template.verb);
  const index = slot.findIndex((other) => other.httpMethod === entry.httpMethod);
  const other = slot[index]?.route;
  if (other === undefined) slot.push(entry);
  else if (yields(other.surface, entry.route.surface)) slot[index] = entry;
  else if (!yields(entry.route.surface, other.surface)) {
    const path = `${entry.httpMethod} ${entry.route.template.source}`;
    report(`${entry.route.method}: ${path} is also a path of ${other.method} (${other.template.source})`);
  }
}

function yields(surface: Surface, to: Surface): boolean {
  return surface.routing.yieldsTo?.includes(to.name) === true;
}
