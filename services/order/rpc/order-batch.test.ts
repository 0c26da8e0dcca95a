import { ConnectError } from "@connectrpc/connect";
import { OrderService, OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import type { Principal } from "@ordermesh/runtime/auth/principal.ts";
import { reasonOf } from "@ordermesh/runtime/errors/inspect.ts";
import { createClient } from "@ordermesh/runtime/rpc/caller.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { registryOf } from "@ordermesh/runtime/rpc/testing/echo.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { openOn, quietLog } from "../../../test/support/open-database.ts";
import { orderService } from "./order-service.ts";
import { asAdmin, openSeckill, type SeckillFixture } from "./testing/seckill-fixture.ts";

const { PENDING, PAID, COMPLETED, CANCELLED, REFUNDED } = OrderStatus;

async function clientOf(database: Database) {
  return createClient(OrderService, localCaller(await registryOf([orderService({ database })], { log: quietLog })));
}

/** What became of calls: `ok`, or the reason of the refusal. */
async function told(calls: readonly Promise<unknown>[]): Promise<(string | undefined)[]> {
  const settled = await Promise.allSettled(calls);
  return settled.map((outcome) =>
    outcome.status === "fulfilled" ? "ok" : reasonOf(ConnectError.from(outcome.reason)),
  );
}

describe.each(databaseKinds)("%s: calls that are served together", (kind) => {
  let on: SeckillFixture;
  let orders: Awaited<ReturnType<typeof clientOf>>;
  let buyers = 0;

  beforeAll(async () => {
    on = await openSeckill(kind);
    orders = await clientOf(on.database);
  });
  afterAll(() => on.dispose());

  /** Orders of one sale that stand as their reservations only. */
  async function purchases(number: number, quantity = 1n) {
    const { activityId } = await on.sale({ totalStock: 100n });
    const made = await Promise.all(
      Array.from({ length: number }, () => on.buy(activityId, `together${++buyers}`, quantity)),
    );
    return { activityId, ids: made.map(({ orderId }) => orderId), made };
  }

  const move = (orderId: string, status: OrderStatus, more: { expectedVersion?: number } = {}) =>
    orders.updateOrderStatus({ orderId, status, ...more }, asAdmin);

  async function counted(expression: string, from: string, params: readonly string[] = []): Promise<number> {
    const [row] = await on.database.read.all(`select ${expression} as n from ${from}`, params);
    return Number(row?.n);
  }

  test("orders that stand, that are reserved only and that are nobody's are each told apart", async () => {
    const { ids, made } = await purchases(3, 2n);
    const [standing = "", reserved = ""] = ids;
    await move(standing, PAID);
    const replies = await Promise.allSettled(
      [standing, "nobody", reserved, standing].map((orderId) => orders.getOrder({ orderId }, asAdmin)),
    );
    const seen = replies.map((reply) =>
      reply.status === "fulfilled" ? [reply.value.order?.orderId, reply.value.order?.status] : reasonOf(reply.reason),
    );
    expect(seen).toEqual([[standing, PAID], "ORDER_NOT_FOUND", [reserved, PENDING], [standing, PAID]]);
    const looked = await Promise.all(
      made.map(({ externalOrderId: externalId }) => orders.lookupOrder({ channel: 1, externalId }, asAdmin)),
    );
    expect(looked.map(({ order }) => [order?.orderId, order?.lines.length])).toEqual(ids.map((id) => [id, 1]));
    expect(
      await told([orders.lookupOrder({ channel: 2, externalId: made[0]?.externalOrderId ?? "" }, asAdmin)]),
    ).toEqual(["ORDER_NOT_FOUND"]);
  });

  test("a buyer sees no other's order for standing beside it in one read", async () => {
    const { ids, made } = await purchases(2);
    const buyer: Principal = {
      id: made[0]?.buyerId ?? "",
      roles: new Set(["user"]),
      kind: "jwt",
      seesPersonalData: true,
    };
    const calls = ids.map((orderId) => orders.getOrder({ orderId }, { principal: buyer }));
    expect(await told(calls)).toEqual(["ok", "PERMISSION_DENIED"]);
  });

  test("moves of several orders are each stored with history, event, stock and statistics", async () => {
    const { activityId, ids } = await purchases(10, 2n);
    const paidBefore = await counted("sum(paid_orders)", "daily_stats");
    const replies = await Promise.all(ids.map((orderId) => move(orderId, PAID)));
    expect(replies.map(({ order }) => [order?.status, order?.version, order?.lines.length])).toEqual(
      ids.map(() => [PAID, 2, 1]),
    );
    expect(replies[3]?.order).toEqual((await orders.getOrder({ orderId: ids[3] ?? "" }, asAdmin)).order);
    expect(await on.stockOf(activityId)).toEqual([80, 0, 20]);
    expect((await counted("sum(paid_orders)", "daily_stats")) - paidBefore).toBe(10);
    for (const orderId of ids) {
      const { transitions } = await orders.listOrderHistory({ orderId }, asAdmin);
      expect(transitions.map(({ toStatus }) => toStatus)).toEqual([PENDING, PAID]);
    }
  });

  test("one that is refused leaves nothing, its neighbours stand", async () => {
    const { activityId, ids } = await purchases(5);
    const [paid = "", illegal = "", stale = "", cancelled = "", foreign = ""] = ids;
    const stranger: Principal = { id: "stranger", roles: new Set(["user"]), kind: "jwt", seesPersonalData: true };
    const calls = [
      move(paid, PAID),
      move(illegal, COMPLETED),
      move(stale, PAID, { expectedVersion: 7 }),
      move("nobody", PAID),
      orders.cancelOrder({ orderId: cancelled, reason: "no more" }, asAdmin),
      orders.cancelOrder({ orderId: foreign }, { principal: stranger }),
      move(paid, PAID),
    ];
    expect(await told(calls)).toEqual([
      "ok",
      "ILLEGAL_TRANSITION",
      "ORDER_VERSION_MISMATCH",
      "ORDER_NOT_FOUND",
      "ok",
      "PERMISSION_DENIED",
      "ok",
    ]);
    expect(await on.stockOf(activityId)).toEqual([96, 3, 1]);
    const unmade = [illegal, stale, foreign];
    expect(await counted("count(*)", "orders where id in (?, ?, ?)", unmade)).toBe(0);
  });

  test("moves of one order take place one after the other, each seeing those before it", async () => {
    const { activityId, ids } = await purchases(2);
    const [orderId = "", other = ""] = ids;
    const calls = [
      move(orderId, PAID, { expectedVersion: 1 }),
      move(orderId, PAID, { expectedVersion: 1 }),
      move(orderId, COMPLETED),
      orders.cancelOrder({ orderId }, asAdmin),
      move(orderId, REFUNDED),
      move(other, PAID),
      move(other, REFUNDED),
    ];
    const reasons = ["ok", "ORDER_VERSION_MISMATCH", "ok", "ORDER_ALREADY_COMPLETED", "ok", "ok", "ok"];
    expect(await told(calls)).toEqual(reasons);
    const { transitions } = await orders.listOrderHistory({ orderId }, asAdmin);
    expect(transitions.map(({ version, toStatus }) => [version, toStatus])).toEqual([
      [1, PENDING],
      [2, PAID],
      [3, COMPLETED],
      [4, REFUNDED],
    ]);
    expect(await on.stockOf(activityId)).toEqual([99, 0, 1]);
  });

  test("cancellations keep each its own reason", async () => {
    const { ids } = await purchases(3);
    const replies = await Promise.all(
      ids.map((orderId, index) => orders.cancelOrder({ orderId, reason: `reason ${index % 2}` }, asAdmin)),
    );
    expect(replies.map(({ order }) => order?.cancelReason)).toEqual(["reason 0", "reason 1", "reason 0"]);
    const stored = await Promise.all(ids.map((orderId) => orders.getOrder({ orderId }, asAdmin)));
    expect(stored.map(({ order }) => order)).toEqual(replies.map(({ order }) => order));
  });

  test("an Idempotency-Key is answered as before, beside other calls", async () => {
    const { ids } = await purchases(2);
    const [orderId = "", other = ""] = ids;
    const key = { ...asAdmin, header: new Headers({ "idempotency-key": `pay-${orderId}` }) };
    const first = await orders.updateOrderStatus({ orderId, status: PAID }, key);
    await move(orderId, COMPLETED);
    const [again] = await Promise.all([orders.updateOrderStatus({ orderId, status: PAID }, key), move(other, PAID)]);
    expect(again.order).toEqual(first.order);
  });

  test("two instances that move the same orders in opposite orders both end, and each order moves once", async () => {
    const second = await openOn(on.fresh);
    const clients = [orders, await clientOf(second)];
    const { activityId, ids } = await purchases(20);
    const calls = clients.flatMap((client, index) =>
      (index === 0 ? ids : ids.toReversed()).map((orderId, at) =>
        at % 2 === index
          ? client.updateOrderStatus({ orderId, status: PAID, expectedVersion: 1 }, asAdmin)
          : client.cancelOrder({ orderId }, asAdmin),
      ),
    );
    await told(calls);
    const [free = 0, reserved, sold = 0] = await on.stockOf(activityId);
    expect([free + sold, reserved]).toEqual([100, 0]);
    const statuses = await Promise.all(ids.map((orderId) => orders.getOrder({ orderId }, asAdmin)));
    const paid = statuses.filter(({ order }) => order?.status === PAID).length;
    const cancelled = statuses.filter(({ order }) => order?.status === CANCELLED).length;
    expect([paid, paid + cancelled]).toEqual([sold, 20]);
    await second.close();
  });
});
