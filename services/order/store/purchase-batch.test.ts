import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { ReservationState } from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import { reasonOf, retryAfterMsOf } from "@ordermesh/runtime/errors/inspect.ts";
import { text } from "@ordermesh/runtime/store/column.ts";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { openOn } from "../../../test/support/open-database.ts";
import { asAdmin, openSeckill, refusal, type SeckillFixture, seckillClient } from "../rpc/testing/seckill-fixture.ts";
import { closeActivity, setWindow } from "./activity-store.ts";
import { takeStock } from "./stock.ts";

describe.each(databaseKinds)("%s", (kind) => {
  let on: SeckillFixture;

  beforeAll(async () => {
    on = await openSeckill(kind);
  });
  afterAll(() => on.dispose());

  describe("minishop 6.3 purchase", () => {
    test("a yes has a reservation, its stock and its event", async () => {
      const { activityId, productId } = await on.sale();
      const made = await on.buy(activityId, "7000", 2n);
      expect(made).toMatchObject({
        productId,
        quantity: 2n,
        state: ReservationState.RESERVED,
        remainingStock: 8n,
        unitPrice: { currency: "CNY", minorUnits: 1250n },
        externalOrderId: expect.stringMatching(/^SK[0-9a-f]{32}$/),
      });
      expect(await on.stockOf(activityId)).toEqual([8, 2, 0]);
      const [only, ...more] = await on.eventsOf(activityId);
      expect(more).toEqual([]);
      expect(only?.row.subject).toBe("seckill.order.create");
      expect(JSON.parse(text(only?.row.headers))).toEqual({ "content-type": "application/x-protobuf" });
      expect(only?.event).toMatchObject({
        orderId: made.orderId,
        externalOrderId: made.externalOrderId,
        reservationId: made.reservationId,
        productName: "Lamp",
        buyerId: "7000",
        quantity: 2n,
        unitPrice: { currency: "CNY", minorUnits: 1250n },
      });
      expect(only?.event.orderNumber).toBeGreaterThan(0n);
    });

    test("a product means its open sale", async () => {
      const { activityId, productId } = await on.sale();
      const { reservation } = await on.seckill.purchase({ productId, buyerId: "b", quantity: 1n }, asAdmin);
      expect(reservation?.activityId).toBe(activityId);
    });

    test("200 concurrent buyers of 100 units: exactly 100 get one", async () => {
      const { activityId } = await on.sale({ totalStock: 100n });
      const calls = Array.from({ length: 200 }, (_, index) => on.buy(activityId, `b${index}`));
      const settled = await Promise.allSettled(calls);
      const reasons = settled.flatMap((one) => (one.status === "rejected" ? [reasonOf(one.reason)] : []));
      expect(reasons).toEqual(Array.from({ length: 100 }, () => "OUT_OF_STOCK"));
      expect(await on.stockOf(activityId)).toEqual([0, 100, 0]);
      expect(await on.eventsOf(activityId)).toHaveLength(100);
    });

    test("two instances sell one stock, and one unit to each buyer", async () => {
      const other = await openOn(on.fresh);
      onTestFinished(() => other.close());
      const instances = [on.seckill, await seckillClient(other)];
      const { activityId } = await on.sale({ totalStock: 50n });
      // Both instances hear of every buyer.
      const calls = Array.from({ length: 80 }, (_, index) =>
        instances.map((seckill) => seckill.purchase({ activityId, buyerId: `b${index}`, quantity: 1n }, asAdmin)),
      );
      const settled = await Promise.allSettled(calls.flat());
      const buyers = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value.reservation?.buyerId] : []));
      expect(buyers).toHaveLength(50);
      expect(new Set(buyers).size).toBe(50);
      expect(await on.stockOf(activityId)).toEqual([0, 50, 0]);
    });

    test("two instances sell 100 units to 200 buyers at once, whichever they ask", async () => {
      const other = await openOn(on.fresh);
      onTestFinished(() => other.close());
      const instances = [on.seckill, await seckillClient(other)];
      const { activityId } = await on.sale({ totalStock: 100n });
      const calls = Array.from({ length: 200 }, (_, index) =>
        instances[index % 2]?.purchase({ activityId, buyerId: `b${index}`, quantity: 1n }, asAdmin),
      );
      const settled = await Promise.allSettled(calls);
      expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(100);
      expect(await on.stockOf(activityId)).toEqual([0, 100, 0]);
      expect(await on.eventsOf(activityId)).toHaveLength(100);
    });

    test("what two instances sell at once counts down without a gap", async () => {
      const other = await openOn(on.fresh);
      onTestFinished(() => other.close());
      const instances = [on.seckill, await seckillClient(other)];
      const { activityId } = await on.sale({ totalStock: 1000n });
      const calls = Array.from({ length: 100 }, (_, index) =>
        instances[index % 2]?.purchase({ activityId, buyerId: `b${index}`, quantity: 1n }, asAdmin),
      );
      const made = await Promise.all(calls);
      const remaining = made.map((one) => Number(one?.reservation?.remainingStock)).sort((a, b) => b - a);
      expect(remaining).toEqual(Array.from({ length: 100 }, (_, index) => 999 - index));
    });

    test.each(["closes", "reaches the end of its window", "sells the last unit"])(
      "a sale that %s while a purchase waits for it refuses the purchase, and nothing is left of it",
      async (change) => {
        const { activityId } = await on.sale({ totalStock: 1n });
        const locked = Promise.withResolvers<void>();
        const changing = on.database.transact(async (uow) => {
          if (change === "closes") await closeActivity(uow, activityId, await uow.now());
          else if (change === "sells the last unit") await takeStock(uow, activityId, 1);
          else await setWindow(uow, activityId, { startsAt: null, endsAt: (await uow.now()) - 1 }, await uow.now());
          locked.resolve();
          await delay(200);
        });
        await locked.promise;
        const reason = await refusal(on.buy(activityId, "b"));
        await changing;
        expect(reason).toBe(change === "sells the last unit" ? "OUT_OF_STOCK" : "SALE_ENDED");
        expect(await on.eventsOf(activityId)).toEqual([]);
        expect(await on.seckill.getActivityStats({ activityId }, asAdmin)).toMatchObject({ reservationCount: 0n });
      },
    );

    test.each([
      ["another buyer", "c"],
      ["a buyer who holds one", "b"],
    ])("a sale closed by another process a moment ago refuses %s as ended", async (_who, buyerId) => {
      const { activityId } = await on.sale();
      await on.buy(activityId, "b");
      await on.database.transact(async (uow) => closeActivity(uow, activityId, await uow.now()));
      expect(await refusal(on.buy(activityId, buyerId))).toBe("SALE_ENDED");
      expect(await on.stockOf(activityId)).toEqual([9, 1, 0]);
    });

    test("a buyer who held one in the sale before may buy in the one that follows, from its first moment", async () => {
      const first = await on.sale();
      const { productId } = first;
      const buy = () => on.seckill.purchase({ productId, buyerId: "a", quantity: 1n }, asAdmin);
      await buy();
      await on.database.transact(async (uow) => closeActivity(uow, first.activityId, await uow.now()));
      const second = await on.sale({ productId });
      expect((await buy()).reservation?.activityId).toBe(second.activityId);
      expect(await refusal(buy())).toBe("ALREADY_PURCHASED");
    });

    test("a purchase of nothing that exists leaves the times of the next one alone", async () => {
      const { activityId } = await on.sale();
      await on.buy(activityId, "a");
      expect(await refusal(on.buy("act_none", "b"))).toBe("ACTIVITY_NOT_FOUND");
      const { createdAt } = await on.buy(activityId, "c");
      if (createdAt === undefined) expect.fail("no time");
      expect(Math.abs(Date.now() - timestampMs(createdAt))).toBeLessThan(10_000);
    });

    test("a batch over two sales, one of which is closed: its buyers are refused, the others' purchases stand", async () => {
      const [open, closed] = [await on.sale(), await on.sale()];
      await on.buy(open.activityId, "a");
      await on.buy(closed.activityId, "a");
      await on.database.transact(async (uow) => closeActivity(uow, closed.activityId, await uow.now()));
      const buyers = Array.from({ length: 5 }, (_, index) => `b${index}`);
      const told = await Promise.allSettled(
        buyers.flatMap((buyer) => [on.buy(open.activityId, buyer), on.buy(closed.activityId, buyer)]),
      );
      expect(told.map((one) => (one.status === "fulfilled" ? "yes" : reasonOf(one.reason)))).toEqual(
        buyers.flatMap(() => ["yes", "SALE_ENDED"]),
      );
      expect(await on.stockOf(open.activityId)).toEqual([4, 6, 0]);
      expect(await on.stockOf(closed.activityId)).toEqual([9, 1, 0]);
    });

    test("a key under which a purchase ran again after a conflict is answered with what it bought", async () => {
      const { activityId, productId } = await on.sale();
      await on.seckill.purchase({ productId, buyerId: "a", quantity: 1n }, asAdmin);
      await on.database.transact(async (uow) => closeActivity(uow, activityId, await uow.now()));
      const second = await on.sale({ productId });
      const options = { ...asAdmin, header: new Headers({ "idempotency-key": `again-${productId}` }) };
      const buy = () => on.seckill.purchase({ productId, buyerId: "b", quantity: 1n }, options);
      const bought = await buy();
      expect(await buy()).toEqual(bought);
      expect(bought.reservation?.activityId).toBe(second.activityId);
      expect(await on.stockOf(second.activityId)).toEqual([9, 1, 0]);
    });

    test("stock that another process gave back a moment ago is sold", async () => {
      const { activityId } = await on.sale({ totalStock: 1n });
      const { reservationId } = await on.buy(activityId, "a");
      expect(await refusal(on.buy(activityId, "b"))).toBe("OUT_OF_STOCK");
      await on.move([reservationId], "release");
      expect((await on.buy(activityId, "b")).remainingStock).toBe(0n);
    });

    test("the sale that follows another one of the same product is meant from its first moment", async () => {
      const first = await on.sale();
      const { productId } = first;
      const buy = async (buyerId: string) => {
        const { reservation } = await on.seckill.purchase({ productId, buyerId, quantity: 1n }, asAdmin);
        return reservation;
      };
      expect((await buy("a"))?.activityId).toBe(first.activityId);
      await on.database.transact(async (uow) => closeActivity(uow, first.activityId, await uow.now()));
      const price = { currency: "CNY", minorUnits: 900n };
      const second = await on.sale({ productId, price });
      expect(await buy("b")).toMatchObject({ activityId: second.activityId, unitPrice: price });
    });

    test("a sale whose window ends while a purchase waits for it refuses the purchase", async () => {
      const { activityId } = await on.sale();
      await on.buy(activityId, "a");
      await on.database.transact(async (uow) => {
        const nowMs = await uow.now();
        await setWindow(uow, activityId, { startsAt: null, endsAt: nowMs + 400 }, nowMs);
      });
      const locked = Promise.withResolvers<void>();
      const selling = on.database.transact(async (uow) => {
        await takeStock(uow, activityId, 1);
        locked.resolve();
        await delay(700);
      });
      await locked.promise;
      expect(await refusal(on.buy(activityId, "b"))).toBe("SALE_ENDED");
      await selling;
      expect(await on.stockOf(activityId)).toEqual([8, 2, 0]);
    });

    test("refused purchases use up no order numbers", async () => {
      const { activityId } = await on.sale({ totalStock: 2n });
      const shop = await seckillClient(on.database);
      const buy = (buyerId: string) => shop.purchase({ activityId, buyerId, quantity: 1n }, asAdmin);
      await buy("a");
      for (let round = 0; round < 5; round++) expect(await refusal(buy("a"))).toBe("ALREADY_PURCHASED");
      await buy("b");
      const numbers = (await on.eventsOf(activityId)).map(({ event }) => Number(event.orderNumber));
      expect(Math.max(...numbers) - Math.min(...numbers)).toBe(1);
    });

    test("may be paid for as long as configured", async () => {
      const shop = await seckillClient(on.database, { paymentWindowMs: 60_000 });
      const { activityId } = await on.sale();
      const { reservation } = await shop.purchase({ activityId, buyerId: "b", quantity: 1n }, asAdmin);
      if (reservation?.expiresAt === undefined || reservation.createdAt === undefined) expect.fail("no times");
      expect(timestampMs(reservation.expiresAt) - timestampMs(reservation.createdAt)).toBe(60_000);
    });

    test("beyond the longest queue a buyer is told at once when to come back, and the queue is served", async () => {
      const shop = await seckillClient(on.database, { mostWaiting: 30 });
      const { activityId } = await on.sale({ totalStock: 1000n });
      const settled = await Promise.allSettled(
        Array.from({ length: 200 }, (_, index) =>
          shop.purchase({ activityId, buyerId: `b${index}`, quantity: 1n }, asAdmin),
        ),
      );
      const refused = settled.flatMap((one) => (one.status === "rejected" ? [ConnectError.from(one.reason)] : []));
      expect(refused.length).toBeGreaterThanOrEqual(100);
      expect(new Set(refused.map((error) => `${Code[error.code]} ${reasonOf(error)}`))).toEqual(
        new Set(["ResourceExhausted QUEUE_FULL"]),
      );
      for (const error of refused) expect(retryAfterMsOf(error)).toBeGreaterThan(0);
      expect(await on.stockOf(activityId)).toEqual([1000 - (200 - refused.length), 200 - refused.length, 0]);
    });

    test("one of a buyer's concurrent purchases is made", async () => {
      const { activityId } = await on.sale();
      const settled = await Promise.allSettled(Array.from({ length: 20 }, () => on.buy(activityId, "greedy")));
      expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(await on.stockOf(activityId)).toEqual([9, 1, 0]);
    });

    test("a caller who leaves leaks nothing: stock, reservations and events agree", async () => {
      const { activityId } = await on.sale({ totalStock: 50n });
      const calls = Array.from({ length: 50 }, (_, index) => {
        const caller = new AbortController();
        setTimeout(() => caller.abort(), index % 5);
        return on.buy(activityId, `b${index}`, 1n, { ...asAdmin, signal: caller.signal });
      });
      await Promise.allSettled(calls);
      await expect
        .poll(async () => {
          const { reservationCount } = await on.seckill.getActivityStats({ activityId }, asAdmin);
          const [, reserved] = await on.stockOf(activityId);
          return reserved === Number(reservationCount) && reserved === (await on.eventsOf(activityId)).length;
        })
        .toBe(true);
    });

    test("a killed process has told nobody yes without a reservation and its event", async () => {
      const { activityId } = await on.sale({ totalStock: 100_000n });
      const argument = JSON.stringify({ url: on.fresh.url, directory: on.fresh.directory, activityId });
      const child: ChildProcess = fork(new URL("../rpc/testing/seckill-child.ts", import.meta.url), [argument], {
        stdio: ["ignore", "ignore", "inherit", "ipc"],
        execArgv: [],
      });
      onTestFinished(() => void child.kill("SIGKILL"));
      const told: string[] = [];
      const enough = new Promise<void>((resolve) => {
        child.on("message", (orderId) => {
          told.push(String(orderId));
          if (told.length >= 60) resolve();
        });
      });
      const closed = once(child, "close");
      await enough;
      child.kill("SIGKILL");
      await closed;
      const rows = await on.database.read.all("select order_id from reservations where activity_id = ?", [activityId]);
      const reserved = new Set(rows.map((row) => text(row.order_id)));
      const events = new Set((await on.eventsOf(activityId)).map(({ event }) => event.orderId));
      expect(told.filter((orderId) => !reserved.has(orderId))).toEqual([]);
      expect(events).toEqual(reserved);
      expect(await on.stockOf(activityId)).toEqual([100_000 - reserved.size, reserved.size, 0]);
    }, 30_000);
  });

  describe("minishop 6.3 release", () => {
    test("acts once under concurrency, and the buyer can buy again", async () => {
      const { activityId } = await on.sale();
      const { reservationId } = await on.buy(activityId, "b", 3n);
      const moved = await Promise.all(Array.from({ length: 10 }, () => on.move([reservationId], "release")));
      expect(moved.filter((ids) => ids.has(reservationId))).toHaveLength(1);
      expect(await on.stockOf(activityId)).toEqual([10, 0, 0]);
      const { reservation } = await on.seckill.getReservation({ reservationId }, asAdmin);
      expect(reservation?.state).toBe(ReservationState.RELEASED);
      expect((await on.buy(activityId, "b")).remainingStock).toBe(9n);
    });

    test("9.10 and 9.15: a payment makes reserved stock sold, a release gives sold stock back", async () => {
      const { activityId } = await on.sale();
      const { reservationId } = await on.buy(activityId, "b", 2n);
      await on.move([reservationId], "sell");
      expect(await on.move([reservationId], "sell")).toEqual(new Set());
      expect(await on.stockOf(activityId)).toEqual([8, 0, 2]);
      await on.move([reservationId], "release");
      expect(await on.move([reservationId], "sell")).toEqual(new Set());
      expect(await on.stockOf(activityId)).toEqual([10, 0, 0]);
    });

    test("purchases, payments and releases at once keep the equation", async () => {
      const { activityId } = await on.sale({ totalStock: 60n });
      const held = await Promise.all(Array.from({ length: 30 }, (_, index) => on.buy(activityId, `b${index}`)));
      const ids = held.map(({ reservationId }) => reservationId);
      await Promise.all([
        ...ids.map((id) => on.move([id], "release")),
        ...ids.map((id) => on.move([id], "sell")),
        on.move(ids, "release"),
        ...Array.from({ length: 30 }, (_, index) => on.buy(activityId, `c${index}`)),
      ]);
      expect(await on.stockOf(activityId)).toEqual([30, 30, 0]);
    });
  });
});
