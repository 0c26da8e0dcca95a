import { TimeFormat } from "@ordermesh/proto/ordermesh/rest/v1/options_pb";
import type { Dialect } from "../../transcoder/dialect.ts";
import type { RoutingRules } from "../../transcoder/surface.ts";

/** JSON as FastAPI writes and Python reads it; bodies are checked by the models before they are bound. */
export const dialect: Dialect = {
  write: {
    names: "proto",
    int64: "number",
    enums: "number",
    zeroValues: "write",
    unset: "null",
    time: TimeFormat.NAIVE,
    decimals: "fraction",
  },
  read: {
    maxDepth: 900,
    duplicateKeys: "last-wins",
    trailing: "refuse",
    unknownKeys: "ignore",
    keyCase: "exact",
    bothNames: false,
    quotedNumbers: false,
    integers: "integral",
  },
  query: { unknown: "ignore", ignored: [], repeatedSingular: "last-wins", badEscapes: "drop" },
  pathConflict: "path-wins",
};

/** Starlette's router (contract 7.6). */
export const routing: RoutingRules = {
  prefixes: ["/product", "/order", "/orders", "/users"],
  ownPortPaths: ["/health"],
  trailingSlash: "redirect-absolute",
  emptySegments: "not-found",
  encodedSlash: "not-found",
  head: "plain",
  options: "plain",
};
