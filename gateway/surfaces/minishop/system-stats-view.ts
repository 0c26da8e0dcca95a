import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { GetSystemStatsResponseSchema } from "@ordermesh/proto/compat/minishop/v1/seckill_pb";
import type { GetPurchaseStatsResponse } from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";

/**
 * S9 (docs/contracts/minishop.md 1.5) from the figures of the instance that answers. The queue is that of the group
 * commit, which every purchase passes, S2's and S3's alike; its free places are what the limiter's tokens were.
 */
export function systemStatsView(
  stats: GetPurchaseStatsResponse,
): MessageInitShape<typeof GetSystemStatsResponseSchema> {
  const failed = stats.lateCount + stats.failedCount;
  return {
    serviceStats: {
      totalRequests: stats.askedCount,
      successRequests: stats.acceptedCount,
      failedRequests: stats.refusedCount + failed,
      // Neither a limit by rate nor a breaker stands before the queue.
      rateLimitedRequests: 0n,
      circuitBreakerTrips: 0n,
      queueFullRequests: stats.turnedAwayCount,
      systemBusyRequests: stats.failedCount,
    },
    queueStats: {
      totalRequests: stats.askedCount - stats.turnedAwayCount,
      processedRequests: stats.acceptedCount + stats.refusedCount,
      failedRequests: stats.failedCount,
      timeoutRequests: stats.lateCount,
      queuedRequests: stats.waitingCount,
      averageWaitTime: nanoseconds(stats.averageWait),
      maxWaitTime: nanoseconds(stats.longestWait),
    },
    // These figures came through it: while it is open there are none, and S9 is a 503.
    circuitBreakerState: "CLOSED",
    limiterTokens: stats.freePlaces,
  };
}

function nanoseconds(duration: Duration | undefined): bigint {
  return duration === undefined ? 0n : duration.seconds * 1_000_000_000n + BigInt(duration.nanos);
}
