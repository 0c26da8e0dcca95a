import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CircuitBreakersSchema } from "../gen/envoy/config/cluster/v3/circuit_breaker_pb.js";
import { RoutingPriority } from "../gen/envoy/config/core/v3/base_pb.js";

/** Limits of one cluster, for each worker-shared pool of a priority; beyond them Envoy answers 503 at once. */
export interface CircuitBreakerLimits {
  /** @default 1,024: Envoy's own, said aloud so that a new Envoy cannot change it */
  readonly maxConnections?: number;
  /** Requests waiting for a connection. @default 1,024 */
  readonly maxPendingRequests?: number;
  /** Requests on their way. @default 1,024 */
  readonly maxRequests?: number;
  /** Share of active requests that may be retries, in percent. @default 20: an outage is not made worse by retrying it */
  readonly retryBudgetPercent?: number;
  /**
   * Retries at once that are allowed whatever the share is.
   *
   * @default 10: an endpoint that dies takes a handful of requests with it in one moment, and with Envoy's 3 the rest of
   * them would fail
   */
  readonly minRetryConcurrency?: number;
}

export function circuitBreakers(limits: CircuitBreakerLimits = {}): MessageInitShape<typeof CircuitBreakersSchema> {
  const thresholds = {
    maxConnections: limits.maxConnections ?? 1_024,
    maxPendingRequests: limits.maxPendingRequests ?? 1_024,
    maxRequests: limits.maxRequests ?? 1_024,
    // Takes the place of max_retries, which is a number for every load.
    retryBudget: {
      budgetPercent: { value: limits.retryBudgetPercent ?? 20 },
      minRetryConcurrency: limits.minRetryConcurrency ?? 10,
    },
    // Operators see how near the limit is before it is reached.
    trackRemaining: true,
  };
  // Requests of high priority have a pool of their own, with limits of its own.
  const priorities = [RoutingPriority.DEFAULT, RoutingPriority.HIGH];
  return { thresholds: priorities.map((priority) => ({ priority, ...thresholds })) };
}
