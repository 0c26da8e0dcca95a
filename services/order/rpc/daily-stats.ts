import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  Channel,
  type GetDailyStatsRequest,
  type GetDailyStatsResponseSchema,
} from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { dailyStats, utcDay } from "../store/daily-stats.ts";

/**
 * The figures of one UTC day (docs/contracts/minishop.md 5); `date` is the request's. Throws INVALID_ARGUMENT
 * (VALIDATION) for a day that no calendar has. `currency` serves requests that name none.
 */
export async function getDailyStats(
  database: Database,
  request: Pick<GetDailyStatsRequest, "date" | "channel" | "currency">,
  currency = "CNY",
): Promise<MessageInitShape<typeof GetDailyStatsResponseSchema>> {
  const { date } = request;
  const ms = Date.parse(`${date}T00:00:00Z`);
  // `Date.parse` takes February 31 for March 3.
  if (Number.isNaN(ms) || utcDay(ms) !== date) {
    throw fail("VALIDATION", { violations: [{ field: "date", description: "is not a day of the calendar" }] });
  }
  const query = { date, currency: request.currency || currency };
  const stats = await dailyStats(
    database.read,
    request.channel === Channel.UNSPECIFIED ? query : { ...query, channel: request.channel },
  );
  return {
    stats: {
      number: BigInt(stats.number),
      date,
      totalOrders: stats.totalOrders,
      seckillOrders: stats.seckillOrders,
      paidOrders: stats.paidOrders,
      cancelledOrders: stats.cancelledOrders,
      totalAmount: { currency: query.currency, minorUnits: stats.totalMinor },
      ...(stats.createdAt === undefined ? {} : { createdAt: timestampFromMs(stats.createdAt) }),
      ...(stats.updatedAt === undefined ? {} : { updatedAt: timestampFromMs(stats.updatedAt) }),
    },
  };
}
