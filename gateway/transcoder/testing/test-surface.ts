import { proto3Json } from "../dialect.ts";
import { problemToError } from "../problem.ts";
import type { RoutingRules, Surface } from "../surface.ts";

const plainRouting: RoutingRules = {
  prefixes: [],
  trailingSlash: "not-found",
  emptySegments: "not-found",
  encodedSlash: "value",
  head: "plain",
  options: "plain",
};

/** A surface that shows problems as their kind and errors as their code. */
export function testSurface(
  change: Partial<Omit<Surface, "routing">> & { readonly routing?: Partial<RoutingRules> } = {},
): Surface {
  return {
    name: "native",
    services: [],
    dialect: proto3Json,
    body: { contentTypes: "json" },
    contentType: "application/json",
    renderProblem: (problem) => ({
      status: problem.kind === "not-found" ? 404 : problem.kind === "method-not-allowed" ? 405 : 400,
      body: `${problem.kind} ${problemToError(problem).rawMessage}`,
    }),
    renderError: (error) => ({ status: 500, body: `error ${error.code}` }),
    ...change,
    routing: { ...plainRouting, ...change.routing },
  };
}
