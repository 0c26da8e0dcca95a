import { Channel, OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { openFresh } from "../../../test/support/open-database.ts";
import { getDailyStats } from "../rpc/daily-stats.ts";
import { countCreated, countTransition, dailyStats, utcDay } from "./daily-stats.ts";
import { orderMigrations } from "./migrations/index.ts";

describe.each(databaseKinds)("minishop 5 daily stats on %s", (kind) => {
  let database: Database;
  let dispose: () => Promise<void>;

  beforeAll(async () => {
    ({ database, dispose } = await openFresh(kind, orderMigrations));
  });
  afterAll(() => dispose());

  const created = (day: string, channel: Channel, totalMinor: bigint) => ({
    day,
    channel,
    currency: "CNY",
    totalMinor,
  });

  test("minishop 5: no order is lost when many transactions count the first orders of two days at once", async () => {
    const rows = [
      created("2026-01-02", Channel.SECKILL, 1250n),
      created("2026-01-01", Channel.SECKILL, 1n),
      created("2026-01-02", Channel.SECKILL, 50n),
    ];
    const orders = (turn: number) => (turn % 2 === 0 ? rows : rows.toReversed());
    await Promise.all(
      Array.from({ length: 30 }, (_, turn) => database.transact((uow) => countCreated(uow, orders(turn)))),
    );
    const stats = await dailyStats(database.read, { date: "2026-01-02", currency: "CNY" });
    expect(stats).toMatchObject({ totalOrders: 60n, seckillOrders: 60n, totalMinor: 39_000n });
  });

  test("minishop 5: paid and cancelled count on the day of the move, other moves do not", async () => {
    const move = { day: "2026-02-01", channel: Channel.SECKILL, currency: "CNY" };
    for (const status of [OrderStatus.PAID, OrderStatus.CANCELLED, OrderStatus.PAID, OrderStatus.EXPIRED]) {
      await database.transact((uow) => countTransition(uow, { ...move, status }));
    }
    const stats = await dailyStats(database.read, { date: "2026-02-01", currency: "CNY" });
    expect(stats).toMatchObject({ totalOrders: 0n, paidOrders: 2n, cancelledOrders: 1n });
  });

  test("minishop 5: channels are summed, and seckill is counted apart", async () => {
    await database.transact((uow) =>
      countCreated(uow, [
        created("2026-03-01", Channel.SECKILL, 100n),
        created("2026-03-01", Channel.PLATFORM, 23n),
        { ...created("2026-03-01", Channel.PLATFORM, 7n), currency: "EUR" },
      ]),
    );
    const { stats } = await getDailyStats(database, { date: "2026-03-01", channel: Channel.UNSPECIFIED, currency: "" });
    expect(stats).toMatchObject({
      number: 20_513n,
      date: "2026-03-01",
      totalOrders: 2n,
      seckillOrders: 1n,
      totalAmount: { currency: "CNY", minorUnits: 123n },
    });
    const one = await getDailyStats(database, { date: "2026-03-01", channel: Channel.PLATFORM, currency: "EUR" });
    expect(one.stats).toMatchObject({ totalOrders: 1n, seckillOrders: 0n, totalAmount: { minorUnits: 7n } });
  });

  test("minishop 5: a day without orders is zeros with number 0", async () => {
    const { stats } = await getDailyStats(database, { date: "2025-12-31", channel: Channel.UNSPECIFIED, currency: "" });
    expect(stats).toMatchObject({ number: 0n, date: "2025-12-31", totalOrders: 0n, totalAmount: { minorUnits: 0n } });
    expect(stats).not.toHaveProperty("createdAt");
  });

  test("minishop 9.5: a day that no calendar has is refused", async () => {
    const request = { date: "2026-02-31", channel: Channel.UNSPECIFIED, currency: "" };
    await expect(getDailyStats(database, request)).rejects.toThrow("not valid");
  });
});

test("minishop 5: a day ends at midnight UTC", () => {
  expect(utcDay(Date.UTC(2026, 0, 2) - 1)).toBe("2026-01-01");
  expect(utcDay(Date.UTC(2026, 0, 2))).toBe("2026-01-02");
});
