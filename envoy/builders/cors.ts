import type { Any } from "@bufbuild/protobuf/wkt";
import { packAny } from "../any.ts";
import { CorsPolicySchema } from "../gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { filterNames } from "./filter-names.ts";

export interface CorsOptions {
  /** Exact origins, such as `https://shop.example`. No wildcards: this list is who may act for a user. */
  readonly origins: readonly string[];
  /** @default GET, POST, PUT, PATCH, DELETE */
  readonly methods?: readonly string[];
  /** Request headers. @default what Connect, gRPC-Web and REST clients send */
  readonly requestHeaders?: readonly string[];
  /** Response headers that pages may read. @default what Connect and gRPC-Web clients read */
  readonly responseHeaders?: readonly string[];
  /** Whether browsers send cookies. @default false: tokens travel in headers */
  readonly credentials?: boolean;
}

const requestHeaders = [
  "authorization",
  "content-type",
  "connect-protocol-version",
  "connect-timeout-ms",
  "grpc-timeout",
  "idempotency-key",
  "traceparent",
  "x-grpc-web",
  "x-user-agent",
];
const responseHeaders = ["grpc-status", "grpc-message", "grpc-status-details-bin", "retry-after", "x-request-id"];

/** A route's or virtual host's policy for pages of other origins. The chain needs `cors: true`. */
export function corsPolicy(options: CorsOptions): Readonly<Record<string, Any>> {
  const { origins, methods = ["GET", "POST", "PUT", "PATCH", "DELETE"], credentials = false } = options;
  const policy = packAny(CorsPolicySchema, {
    allowOriginStringMatch: origins.map((value) => ({ matchPattern: { case: "exact", value } as const })),
    allowMethods: methods.join(", "),
    allowHeaders: (options.requestHeaders ?? requestHeaders).join(", "),
    exposeHeaders: (options.responseHeaders ?? responseHeaders).join(", "),
    // What browsers keep at most (Chromium: 2 hours): one preflight a session.
    maxAge: "7200",
    allowCredentials: credentials,
    // A page that is not on the list learns so from the preflight, before anything reaches a service.
    forwardNotMatchingPreflights: false,
  });
  return { [filterNames.cors]: policy };
}
