import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { describe, expect, test } from "vitest";
import { startShop } from "./testing/shop.ts";

const path = "GET /api/v1/system/stats";

describe("minishop 1.5 S9", () => {
  test("minishop 1.5 S9 has the figures of the purchases, with the old keys in their order", async () => {
    const { send } = await startShop({
      native: {
        getPurchaseStats: async () => ({
          askedCount: 100n,
          acceptedCount: 50n,
          refusedCount: 20n,
          turnedAwayCount: 10n,
          lateCount: 6n,
          failedCount: 4n,
          waitingCount: 10n,
          freePlaces: 9990n,
          averageWait: { seconds: 0n, nanos: 1_500_000 },
          longestWait: { seconds: 2n, nanos: 1 },
        }),
      },
    });
    expect(await send(path)).toMatchObject({
      status: 200,
      headers: { "access-control-allow-origin": "*" },
      body:
        '{"circuit_breaker_state":"CLOSED","limiter_tokens":9990,"queue_stats":{"TotalRequests":90,"ProcessedRequests":70,' +
        '"FailedRequests":4,"TimeoutRequests":6,"QueuedRequests":10,"AverageWaitTime":1500000,"MaxWaitTime":2000000001},' +
        '"service_stats":{"TotalRequests":100,"SuccessRequests":50,"FailedRequests":30,"RateLimitedRequests":0,' +
        '"CircuitBreakerTrips":0,"QueueFullRequests":10,"SystemBusyRequests":4}}',
    });
  });

  test("minishop 1.5 S9 is 503 while nobody has the figures", async () => {
    const { send } = await startShop({
      native: {
        getPurchaseStats: async () => {
          throw fail("SERVICE_UNAVAILABLE");
        },
      },
    });
    expect((await send(path)).status).toBe(503);
  });
});
