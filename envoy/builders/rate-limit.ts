import type { Any } from "@bufbuild/protobuf/wkt";
import { packAny } from "../any.ts";
import { XRateLimitHeadersRFCVersion } from "../gen/envoy/extensions/common/ratelimit/v3/ratelimit_pb.js";
import { LocalRateLimitSchema } from "../gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import { StatusCode } from "../gen/envoy/type/v3/http_status_pb.js";
import { filterNames } from "./filter-names.ts";
import { milliseconds, percentOf } from "./values.ts";

export interface RateLimit {
  /** What is granted for good. Per Envoy, not per client. */
  readonly requestsPerSecond: number;
  /** What may come at once after a pause. @default a second's worth */
  readonly burst?: number;
}

/** The filter as it stands in the chain: it limits only routes that ask for it. */
export function rateLimitFilter(): Any {
  return packAny(LocalRateLimitSchema, { statPrefix: "route_rate_limit" });
}

/**
 * A route's rate limit, in one token bucket for all its requests: 429, or RESOURCE_EXHAUSTED to gRPC, beyond it. The chain
 * needs `rateLimit: true`. Throws RangeError for limits of less than one request.
 */
export function rateLimit({ requestsPerSecond, burst = requestsPerSecond }: RateLimit): Readonly<Record<string, Any>> {
  if (!(requestsPerSecond >= 1) || !(burst >= 1)) throw new RangeError("a rate limit of less than one request");
  // In steps of a tenth of a second: a bucket filled once a second lets its requests through in bursts.
  const perStep = Math.floor(requestsPerSecond / 10);
  const inSteps = perStep >= 1 && requestsPerSecond % 10 === 0;
  const config = packAny(LocalRateLimitSchema, {
    statPrefix: "route_rate_limit",
    tokenBucket: {
      maxTokens: Math.max(Math.floor(burst), inSteps ? perStep : Math.floor(requestsPerSecond)),
      tokensPerFill: inSteps ? perStep : Math.floor(requestsPerSecond),
      fillInterval: milliseconds(inSteps ? 100 : 1_000),
    },
    // Envoy's defaults are 0 %: a limit that counts and lets everything through.
    filterEnabled: percentOf(100, "local_rate_limit_enabled"),
    filterEnforced: percentOf(100, "local_rate_limit_enforced"),
    status: { code: StatusCode.TooManyRequests },
    // Otherwise a gRPC client reads UNAVAILABLE, and tries again at once.
    rateLimitedAsResourceExhausted: true,
    // A client can see how much is left before it is refused.
    enableXRatelimitHeaders: XRateLimitHeadersRFCVersion.DRAFT_VERSION_03,
  });
  return { [filterNames.rateLimit]: config };
}
