import type { MessageInitShape } from "@bufbuild/protobuf";
import { packAny } from "../any.ts";
import {
  RetryPolicy_ResetHeaderFormat,
  type RetryPolicySchema,
} from "../gen/envoy/config/route/v3/route_components_pb.js";
import { PreviousHostsPredicateSchema } from "../gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js";
import { milliseconds } from "./values.ts";

export interface RetryOptions {
  /** Tries after the first. @default 2: two endpoints may be going at once during a rolling restart */
  readonly attempts?: number;
  /** Bound of one try; below the route's timeout, or there is no time for a second. @default none */
  readonly perTryTimeoutMs?: number;
  /** Conditions by Envoy's names. @default `retryConditions` of the route's protocol */
  readonly on?: readonly string[];
}

/**
 * Failures after which another endpoint may do better. Some of them come when the request may have been carried out already:
 * only for calls that may be carried out twice.
 */
export const retryConditions = {
  grpc: ["connect-failure", "refused-stream", "reset", "unavailable", "cancelled"],
  http: ["connect-failure", "refused-stream", "reset", "gateway-error"],
} as const;

/** Retries of a route whose calls are idempotent. The cluster's retry budget bounds all of them together. */
export function retryPolicy(
  options: RetryOptions,
  protocol: keyof typeof retryConditions,
): MessageInitShape<typeof RetryPolicySchema> {
  const { attempts = 2, perTryTimeoutMs, on = retryConditions[protocol] } = options;
  return {
    retryOn: on.join(","),
    numRetries: attempts,
    ...(perTryTimeoutMs === undefined ? {} : { perTryTimeout: milliseconds(perTryTimeoutMs) }),
    // Drawn from growing intervals, so that clients of one outage do not come back together.
    retryBackOff: { baseInterval: milliseconds(25), maxInterval: milliseconds(250) },
    // A service that says when to come back is believed; the route's timeout bounds the wait.
    rateLimitedRetryBackOff: {
      resetHeaders: [{ name: "retry-after", format: RetryPolicy_ResetHeaderFormat.SECONDS }],
      maxInterval: milliseconds(300_000),
    },
    // Another endpoint than the one that failed; after many draws any, since there may be only one. Many, because one that
    // fails at once has the fewest open requests, and load balancing draws it the more often.
    retryHostPredicate: [
      {
        name: "envoy.retry_host_predicates.previous_hosts",
        configType: { case: "typedConfig", value: packAny(PreviousHostsPredicateSchema) },
      },
    ],
    hostSelectionRetryMaxAttempts: 30n,
  };
}
