import { decodeQueryBytes, decodeQueryPart, PercentError } from "./percent.ts";
import { RequestProblem } from "./problem.ts";

/** A query parameter, decoded. */
export type QueryPair = readonly [name: string, value: string];

/**
 * Splits a query string (application/x-www-form-urlencoded). A pair whose escapes are broken is a RequestProblem, or
 * dropped where the surface says so; there, whole escapes of bytes that are no UTF-8 become U+FFFD.
 */
export function parseQuery(query: string, badEscapes: "refuse" | "drop"): QueryPair[] {
  if (query === "") return [];
  const pairs: QueryPair[] = [];
  for (const part of query.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = equals === -1 ? part : part.slice(0, equals);
    try {
      pairs.push([decodeQueryPart(name), equals === -1 ? "" : decodeQueryPart(part.slice(equals + 1))]);
    } catch (error) {
      if (!(error instanceof PercentError)) throw error;
      if (badEscapes === "refuse") {
        throw new RequestProblem({ kind: "malformed", source: "query", description: error.message });
      }
      if (!/%(?![0-9a-f]{2})/i.test(part)) {
        pairs.push([decodeQueryBytes(name), equals === -1 ? "" : decodeQueryBytes(part.slice(equals + 1))]);
      }
    }
  }
  return pairs;
}
