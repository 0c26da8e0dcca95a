import { OrderService, OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import type { Principal } from "@ordermesh/runtime/auth/principal.ts";
import { createClient } from "@ordermesh/runtime/rpc/caller.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { registryOf } from "@ordermesh/runtime/rpc/testing/echo.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { quietLog } from "../../../test/support/open-database.ts";
import { startExpirySweeper } from "../events/expiry-sweeper.ts";
import { orderService } from "./order-service.ts";
import { asAdmin, openSeckill, refusal, type SeckillFixture } from "./testing/seckill-fixture.ts";

const { PENDING, PAID, SHIPPED, COMPLETED, CANCELLED, EXPIRED, REFUNDED, FAILED } = OrderStatus;
const all = [PENDING, PAID, COMPLETED, CANCELLED, EXPIRED, REFUNDED, FAILED, SHIPPED];
/** How an order comes to a status, and where it may go from there (minishop 3.3). */
const table: readonly (readonly [OrderStatus, readonly OrderStatus[], readonly OrderStatus[]])[] = [
  [PENDING, [], [PAID, CANCELLED, EXPIRED, FAILED]],
  [PAID, [PAID], [COMPLETED, REFUNDED, CANCELLED]],
  [COMPLETED, [PAID, COMPLETED], [REFUNDED]],
  [CANCELLED, [CANCELLED], []],
  [EXPIRED, [EXPIRED], []],
  [REFUNDED, [PAID, REFUNDED], []],
  [FAILED, [FAILED], []],
];

const buyer = (id: string) => {
  const principal: Principal = { id, roles: new Set(["user"]), kind: "jwt", seesPersonalData: true };
  return { principal };
};

describe.each(databaseKinds)("%s", (kind) => {
  let on: SeckillFixture;
  let orders: Awaited<ReturnType<typeof clientOf>>;
  let buyers = 0;

  async function clientOf() {
    const registry = await registryOf([orderService({ database: on.database })], { log: quietLog });
    return createClient(OrderService, localCaller(registry));
  }

  beforeAll(async () => {
    on = await openSeckill(kind);
    orders = await clientOf();
  });
  afterAll(() => on.dispose());

  /** A purchase whose message has not arrived: the order stands as its reservation only. */
  async function purchase() {
    const { activityId } = await on.sale();
    const bought = await on.buy(activityId, `buyer${++buyers}`, 2n);
    return { activityId, orderId: bought.orderId, externalId: bought.externalOrderId, buyerId: bought.buyerId };
  }

  async function at(path: readonly OrderStatus[]) {
    const bought = await purchase();
    for (const status of path) await orders.updateOrderStatus({ orderId: bought.orderId, status }, asAdmin);
    return bought;
  }

  async function statusOf(orderId: string): Promise<OrderStatus | undefined> {
    return (await orders.getOrder({ orderId }, asAdmin)).order?.status;
  }

  test.each(table)("minishop 3.3 from %s", async (from, path, allowed) => {
    for (const status of all) {
      const { orderId } = await at(path);
      const move = orders.updateOrderStatus({ orderId, status }, asAdmin);
      if (status === from || allowed.includes(status)) expect((await move).order?.status).toBe(status);
      else expect(await refusal(move)).toBe("ILLEGAL_TRANSITION");
    }
  });

  test("minishop 3.3 the same status again changes nothing", async () => {
    const { orderId } = await at([PAID]);
    const { order } = await orders.updateOrderStatus({ orderId, status: PAID }, asAdmin);
    expect(order?.version).toBe(2);
    const { transitions } = await orders.listOrderHistory({ orderId }, asAdmin);
    expect(transitions.map(({ toStatus, actor }) => [toStatus, actor])).toEqual([
      [PENDING, "system"],
      [PAID, "local"],
    ]);
  });

  test("minishop 3.3 a move sets exactly its own timestamp", async () => {
    const { orderId } = await at([PAID, COMPLETED]);
    const { order } = await orders.getOrder({ orderId }, asAdmin);
    expect([order?.paidAt, order?.completedAt].every((time) => time !== undefined)).toBe(true);
    expect([order?.cancelledAt, order?.expiredAt, order?.refundedAt]).toEqual([undefined, undefined, undefined]);
  });

  test("minishop 9.15 paying moves reserved stock to sold", async () => {
    const { activityId } = await at([PAID]);
    expect(await on.stockOf(activityId)).toEqual([8, 0, 2]);
  });

  test("an order is found before its message has arrived", async () => {
    const { orderId, externalId } = await purchase();
    expect((await orders.getOrder({ orderId }, asAdmin)).order).toMatchObject({
      externalId,
      status: PENDING,
      version: 1,
    });
    const { order } = await orders.lookupOrder({ channel: 1, externalId }, asAdmin);
    expect(order?.lines[0]).toMatchObject({ productName: "Lamp", quantity: 2n, total: { minorUnits: 2500n } });
    const { transitions } = await orders.listOrderHistory({ orderId: order?.orderId ?? "" }, asAdmin);
    expect(transitions).toMatchObject([{ version: 1, toStatus: PENDING }]);
    expect(await refusal(orders.getOrder({ orderId: "ord_none" }, asAdmin))).toBe("ORDER_NOT_FOUND");
  });

  test("minishop 1.3 O4 cancel gives stock and slot back once and keeps the reason", async () => {
    const { orderId, activityId, buyerId } = await purchase();
    const { order } = await orders.cancelOrder({ orderId, reason: "wrong colour" }, asAdmin);
    expect(order).toMatchObject({ status: CANCELLED, cancelReason: "wrong colour" });
    expect(await refusal(orders.cancelOrder({ orderId }, asAdmin))).toBe("ORDER_ALREADY_CANCELLED");
    expect(await on.stockOf(activityId)).toEqual([10, 0, 0]);
    expect((await on.buy(activityId, buyerId)).orderId).not.toBe(orderId);
  });

  test("minishop 1.3 O4 a completed order cannot be cancelled", async () => {
    const { orderId } = await at([PAID, COMPLETED]);
    expect(await refusal(orders.cancelOrder({ orderId }, asAdmin))).toBe("ORDER_ALREADY_COMPLETED");
  });

  test("buyers see and cancel their own orders only, and move none", async () => {
    const { orderId, buyerId } = await purchase();
    expect(await refusal(orders.getOrder({ orderId }, buyer("other")))).toBe("PERMISSION_DENIED");
    expect(await refusal(orders.cancelOrder({ orderId }, buyer("other")))).toBe("PERMISSION_DENIED");
    expect(await refusal(orders.updateOrderStatus({ orderId, status: PAID }, buyer(buyerId)))).toBe(
      "PERMISSION_DENIED",
    );
    expect((await orders.cancelOrder({ orderId }, buyer(buyerId))).order?.status).toBe(CANCELLED);
    const { orders: mine } = await orders.listOrders({}, buyer(buyerId));
    expect(mine.map((order) => order.orderId)).toEqual([orderId]);
  });

  test("a cancel with the same Idempotency-Key has the same answer, not a refusal", async () => {
    const { orderId } = await purchase();
    const keyed = { ...asAdmin, header: new Headers({ "idempotency-key": `key-${orderId}` }) };
    const first = await orders.cancelOrder({ orderId, reason: "x" }, keyed);
    expect(await orders.cancelOrder({ orderId, reason: "x" }, keyed)).toEqual(first);
  });

  test("a stale expected_version is refused", async () => {
    const { orderId } = await at([PAID]);
    const move = orders.updateOrderStatus({ orderId, status: COMPLETED, expectedVersion: 1 }, asAdmin);
    expect(await refusal(move)).toBe("ORDER_VERSION_MISMATCH");
  });

  test("lists newest first, page by page, with skip and total", async () => {
    const buyerId = `pager${++buyers}`;
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      const { orderId } = await on.buy((await on.sale()).activityId, buyerId);
      await orders.updateOrderStatus({ orderId, status: PAID }, asAdmin);
      ids.unshift(orderId);
    }
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await orders.listOrders({ buyerId, pageSize: 2, pageToken, includeTotal: true }, asAdmin);
      expect(page.totalSize).toBe(5n);
      seen.push(...page.orders.map(({ orderId }) => orderId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen).toEqual(ids);
    const skipped = await orders.listOrders({ buyerId, skip: 3n }, asAdmin);
    expect(skipped.orders.map(({ orderId }) => orderId)).toEqual(ids.slice(3));
    expect((await orders.listOrders({ buyerId, skip: 2n ** 63n - 1n }, asAdmin)).orders).toEqual([]);
  });

  async function makeDue(orderId: string): Promise<void> {
    const { dialect } = on.database;
    const past = dialect.addMs(dialect.now, "-1000");
    await on.database.transact(async (uow) => {
      await uow.run(`update orders set expires_at = ${past} where id = ?`, [orderId]);
      await uow.run(`update reservations set expires_at = ${past} where order_id = ?`, [orderId]);
    });
  }

  test("minishop 3.3 the sweeper expires what is due, made or not, and gives stock back", async () => {
    const unmade = await purchase();
    const paid = await at([PAID]);
    for (const { orderId } of [unmade, paid]) await makeDue(orderId);
    const sweeper = startExpirySweeper({ database: on.database, log: quietLog, everyMs: 60_000 });
    expect(await sweeper.run()).toBe(1);
    await sweeper.stop();
    expect(await statusOf(unmade.orderId)).toBe(EXPIRED);
    expect(await statusOf(paid.orderId)).toBe(PAID);
    expect(await on.stockOf(unmade.activityId)).toEqual([10, 0, 0]);
  });

  test("cancel against two sweepers releases the stock once", async () => {
    const { orderId, activityId } = await purchase();
    await makeDue(orderId);
    const options = { database: on.database, log: quietLog, everyMs: 60_000 };
    const [one, two] = [startExpirySweeper(options), startExpirySweeper(options)];
    await Promise.allSettled([one.run(), two.run(), orders.cancelOrder({ orderId }, asAdmin)]);
    await Promise.all([one.stop(), two.stop()]);
    expect([CANCELLED, EXPIRED]).toContain(await statusOf(orderId));
    expect(await on.stockOf(activityId)).toEqual([10, 0, 0]);
    const { transitions } = await orders.listOrderHistory({ orderId }, asAdmin);
    expect(transitions).toHaveLength(2);
  });
});
