import type { DescService } from "@bufbuild/protobuf";
import { proto3Json } from "../../transcoder/dialect.ts";
import { problemToError } from "../../transcoder/problem.ts";
import { nativeSurfaceName, type Surface } from "../../transcoder/surface.ts";
import { statusReply } from "./errors.ts";

const contentType = "application/json";

/** The native REST API: proto3 JSON, strict, errors as google.rpc.Status; its services are called as they are. */
export function createNativeSurface(services: readonly DescService[]): Surface {
  return {
    name: nativeSurfaceName,
    services: services.map((service) => ({ service })),
    dialect: proto3Json,
    routing: {
      prefixes: ["/"],
      trailingSlash: "not-found",
      emptySegments: "not-found",
      encodedSlash: "value",
      head: "as-get",
      options: "allow",
    },
    body: { contentTypes: "json" },
    contentType,
    headers: { "x-content-type-options": "nosniff" },
    renderProblem(problem) {
      const headers = problem.kind === "method-not-allowed" ? { allow: problem.allow.join(", ") } : undefined;
      return statusReply(problemToError(problem), contentType, headers);
    },
    renderError: (error) => statusReply(error, contentType),
  };
}
