import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fromBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { SeckillOrderCreateSchema } from "@ordermesh/proto/ordermesh/events/v1/seckill_pb";
import {
  type Activity,
  ActivityState,
  type CreateActivityRequest,
  ReservationState,
  SeckillService,
} from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import { localAdministrator, type Principal } from "@ordermesh/runtime/auth/principal.ts";
import { metadataOf, reasonOf } from "@ordermesh/runtime/errors/inspect.ts";
import { type CallOptions, type Client, createClient } from "@ordermesh/runtime/rpc/caller.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { registryOf } from "@ordermesh/runtime/rpc/testing/echo.ts";
import { bytes, integer, text, timeMs } from "@ordermesh/runtime/store/column.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { databaseKinds, type TestDatabase } from "../../../test/support/databases.ts";
import { openFresh, quietLog } from "../../../test/support/open-database.ts";
import { orderMigrations } from "../store/migrations/index.ts";
import { type NewReservation, reserveForMessage, saleAt } from "../store/reservation-store.ts";
import { moveReservations } from "../store/stock.ts";
import { seckillService } from "./seckill-service.ts";

type Terms = Partial<Omit<CreateActivityRequest, "$typeName" | "$unknown" | "price">> & {
  readonly price?: { readonly currency: string; readonly minorUnits: bigint };
};

const asAdmin: CallOptions = { principal: localAdministrator };
let products = 0;

/** The reason of the refusal; fails when there is none. */
async function refusal(call: Promise<unknown>): Promise<string | undefined> {
  const error = await call.then(
    () => expect.fail("it was not refused"),
    (error: unknown) => error,
  );
  return reasonOf(ConnectError.from(error));
}

describe.each(databaseKinds)("%s", (kind) => {
  let database: Database;
  let fresh: TestDatabase;
  let dispose: () => Promise<void>;
  let seckill: Client<typeof SeckillService>;

  beforeAll(async () => {
    ({ database, fresh, dispose } = await openFresh(kind, orderMigrations));
    const registry = await registryOf([seckillService({ database, log: quietLog })], { log: quietLog });
    seckill = createClient(SeckillService, localCaller(registry));
  });
  afterAll(() => dispose());

  function terms(more: Terms = {}): Terms {
    const productId = `p${++products}`;
    const price = { currency: "CNY", minorUnits: 1250n };
    return { productId, productName: "Lamp", price, totalStock: 10n, prewarm: true, ...more };
  }

  async function sale(more: Terms = {}): Promise<Activity> {
    const { activity } = await seckill.createActivity(terms(more), asAdmin);
    return activity ?? expect.fail("no activity");
  }

  async function buy(activityId: string, buyerId: string, quantity = 1n, options: CallOptions = asAdmin) {
    const { reservation } = await seckill.purchase({ activityId, buyerId, quantity }, options);
    return reservation ?? expect.fail("no reservation");
  }

  async function stockOf(activityId: string) {
    const { stock } = await seckill.getActivityStats({ activityId }, asAdmin);
    return [stock?.free, stock?.reserved, stock?.sold].map(Number);
  }

  function move(ids: readonly string[], effect: "sell" | "release") {
    return database.transact((uow) => moveReservations(uow, ids, effect));
  }

  async function databaseNow(): Promise<number> {
    const [row] = await database.read.all(`select ${database.dialect.now} as now`);
    return timeMs(row?.now);
  }

  async function eventsOf(activityId: string) {
    const rows = await database.read.all(`select subject, headers, data from ${database.tables.outbox}`);
    return rows
      .map((row) => ({ row, event: fromBinary(SeckillOrderCreateSchema, bytes(row.data)) }))
      .filter(({ event }) => event.activityId === activityId);
  }

  describe("minishop 6.3 purchase", () => {
    test("a yes has a reservation, its stock and its event", async () => {
      const { activityId, productId } = await sale();
      const made = await buy(activityId, "7000", 2n);
      expect(made).toMatchObject({
        productId,
        quantity: 2n,
        state: ReservationState.RESERVED,
        remainingStock: 8n,
        unitPrice: { currency: "CNY", minorUnits: 1250n },
        externalOrderId: expect.stringMatching(/^SK[0-9a-f]{32}$/),
      });
      expect(await stockOf(activityId)).toEqual([8, 2, 0]);
      const [only, ...more] = await eventsOf(activityId);
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
      const { activityId, productId } = await sale();
      const { reservation } = await seckill.purchase({ productId, buyerId: "b", quantity: 1n }, asAdmin);
      expect(reservation?.activityId).toBe(activityId);
    });

    test("200 concurrent buyers of 100 units: exactly 100 get one", async () => {
      const { activityId } = await sale({ totalStock: 100n });
      const calls = Array.from({ length: 200 }, (_, index) => buy(activityId, `b${index}`));
      const settled = await Promise.allSettled(calls);
      const reasons = settled.flatMap((one) => (one.status === "rejected" ? [reasonOf(one.reason)] : []));
      expect(reasons).toEqual(Array.from({ length: 100 }, () => "OUT_OF_STOCK"));
      expect(await stockOf(activityId)).toEqual([0, 100, 0]);
      expect(await eventsOf(activityId)).toHaveLength(100);
    });

    test("one of a buyer's concurrent purchases is made", async () => {
      const { activityId } = await sale();
      const settled = await Promise.allSettled(Array.from({ length: 20 }, () => buy(activityId, "greedy")));
      expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(await stockOf(activityId)).toEqual([9, 1, 0]);
    });

    test("a caller who leaves leaks nothing: stock, reservations and events agree", async () => {
      const { activityId } = await sale({ totalStock: 50n });
      const calls = Array.from({ length: 50 }, (_, index) => {
        const caller = new AbortController();
        setTimeout(() => caller.abort(), index % 5);
        return buy(activityId, `b${index}`, 1n, { ...asAdmin, signal: caller.signal });
      });
      await Promise.allSettled(calls);
      await expect
        .poll(async () => {
          const { reservationCount } = await seckill.getActivityStats({ activityId }, asAdmin);
          const [, reserved] = await stockOf(activityId);
          return reserved === Number(reservationCount) && reserved === (await eventsOf(activityId)).length;
        })
        .toBe(true);
    });

    test("a killed process has told nobody yes without a reservation and its event", async () => {
      const { activityId } = await sale({ totalStock: 100_000n });
      const argument = JSON.stringify({ url: fresh.url, directory: fresh.directory, activityId });
      const child: ChildProcess = fork(new URL("./testing/seckill-child.ts", import.meta.url), [argument], {
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
      const rows = await database.read.all("select order_id from reservations where activity_id = ?", [activityId]);
      const reserved = new Set(rows.map((row) => text(row.order_id)));
      const events = new Set((await eventsOf(activityId)).map(({ event }) => event.orderId));
      expect(told.filter((orderId) => !reserved.has(orderId))).toEqual([]);
      expect(events).toEqual(reserved);
      expect(await stockOf(activityId)).toEqual([100_000 - reserved.size, reserved.size, 0]);
    }, 30_000);
  });

  describe("minishop 6.2 refusals", () => {
    test("an unknown activity, a draft and a product without a sale", async () => {
      const draft = await sale({ prewarm: false });
      expect(await refusal(buy("act_none", "b"))).toBe("ACTIVITY_NOT_FOUND");
      expect(await refusal(buy(draft.activityId, "b"))).toBe("ACTIVITY_NOT_FOUND");
      const product = { productId: draft.productId, buyerId: "b", quantity: 1n };
      expect(await refusal(seckill.purchase(product, asAdmin))).toBe("ACTIVITY_NOT_FOUND");
    });

    test("before and after the window, by the database's clock", async () => {
      const now = await databaseNow();
      const early = await sale({ startsAt: timestampFromMs(now + 60_000) });
      const late = await sale({ endsAt: timestampFromMs(now) });
      const inside = await sale({ startsAt: timestampFromMs(now), endsAt: timestampFromMs(now + 60_000) });
      expect(await refusal(buy(early.activityId, "b"))).toBe("SALE_NOT_STARTED");
      expect(await refusal(buy(late.activityId, "b"))).toBe("SALE_ENDED");
      expect((await buy(inside.activityId, "b")).remainingStock).toBe(9n);
    });

    test("a closed sale", async () => {
      const { activityId } = await sale();
      await seckill.closeActivity({ activityId }, asAdmin);
      expect(await refusal(buy(activityId, "b"))).toBe("SALE_ENDED");
    });

    test("more than is free, and more than one buyer may take", async () => {
      const { activityId } = await sale({ perUserLimit: 3n, totalStock: 2n });
      expect(await refusal(buy(activityId, "b", 4n))).toBe("PURCHASE_LIMIT");
      expect(await refusal(buy(activityId, "b", 3n))).toBe("OUT_OF_STOCK");
      expect((await buy(activityId, "b", 2n)).remainingStock).toBe(0n);
    });

    test("a second purchase in the same sale, even of a sold-out one", async () => {
      const { activityId } = await sale({ totalStock: 1n });
      await buy(activityId, "b");
      expect(await refusal(buy(activityId, "b"))).toBe("ALREADY_PURCHASED");
    });

    test("a total beyond 99999999.99", async () => {
      const price = { currency: "CNY", minorUnits: 9_999_999_999n };
      const { activityId } = await sale({ price });
      expect(await refusal(buy(activityId, "b", 2n))).toBe("TOTAL_TOO_LARGE");
      expect((await buy(activityId, "b", 1n)).quantity).toBe(1n);
    });

    test("a user who buys for another one, or looks at another one's reservation", async () => {
      const { activityId, productId } = await sale();
      const user: Principal = { id: "u1", roles: new Set(["user"]), kind: "jwt", seesPersonalData: false };
      const { reservationId } = await buy(activityId, "u2");
      expect(await refusal(buy(activityId, "u3", 1n, { principal: user }))).toBe("PERMISSION_DENIED");
      expect(await refusal(seckill.getReservation({ reservationId }, { principal: user }))).toBe("PERMISSION_DENIED");
      const other = { productId, buyerId: "u2" };
      expect(await refusal(seckill.getProductSale(other, { principal: user }))).toBe("PERMISSION_DENIED");
      expect((await buy(activityId, "u1", 1n, { principal: user })).buyerId).toBe("u1");
    });

    test("a NUL in an id", async () => {
      expect(await refusal(buy("a\0b", "b"))).toBe("VALIDATION");
    });
  });

  describe("minishop 3.4 idempotency", () => {
    const keyed = (key: string): CallOptions => ({ ...asAdmin, header: new Headers({ "idempotency-key": key }) });

    test("the same key and request give the same order", async () => {
      const { activityId } = await sale();
      const first = await buy(activityId, "b", 1n, keyed(`${activityId}-1`));
      const again = await buy(activityId, "b", 1n, keyed(`${activityId}-1`));
      expect(again).toEqual(first);
      expect(await stockOf(activityId)).toEqual([9, 1, 0]);
    });

    test("a key for another request is refused, and its neighbours in the batch are not", async () => {
      const { activityId } = await sale();
      const key = `${activityId}-2`;
      const [first, other, neighbour] = await Promise.allSettled([
        buy(activityId, "b", 1n, keyed(key)),
        buy(activityId, "c", 1n, keyed(key)),
        buy(activityId, "d"),
      ]);
      expect([first?.status, neighbour?.status]).toEqual(["fulfilled", "fulfilled"]);
      expect(other?.status === "rejected" && reasonOf(other.reason)).toBe("IDEMPOTENCY_KEY_REUSED");
      expect(await refusal(buy(activityId, "e", 1n, keyed(key)))).toBe("IDEMPOTENCY_KEY_REUSED");
      expect(await stockOf(activityId)).toEqual([8, 2, 0]);
    });

    test("a refused purchase gives its key up", async () => {
      const { activityId } = await sale({ prewarm: false });
      const key = keyed(`${activityId}-3`);
      expect(await refusal(buy(activityId, "b", 1n, key))).toBe("ACTIVITY_NOT_FOUND");
      await seckill.prewarmActivity({ activityId }, asAdmin);
      expect((await buy(activityId, "b", 1n, key)).remainingStock).toBe(9n);
    });

    test("W14: the same user buys in the second sale of the same product", async () => {
      const first = await sale();
      await buy(first.activityId, "b");
      await seckill.closeActivity({ activityId: first.activityId }, asAdmin);
      const second = await sale({ productId: first.productId });
      expect((await buy(second.activityId, "b")).remainingStock).toBe(9n);
      expect(await eventsOf(second.activityId)).toHaveLength(1);
    });
  });

  describe("minishop 6.3 release", () => {
    test("acts once under concurrency, and the buyer can buy again", async () => {
      const { activityId } = await sale();
      const { reservationId } = await buy(activityId, "b", 3n);
      const moved = await Promise.all(Array.from({ length: 10 }, () => move([reservationId], "release")));
      expect(moved.filter((ids) => ids.has(reservationId))).toHaveLength(1);
      expect(await stockOf(activityId)).toEqual([10, 0, 0]);
      const { reservation } = await seckill.getReservation({ reservationId }, asAdmin);
      expect(reservation?.state).toBe(ReservationState.RELEASED);
      expect((await buy(activityId, "b")).remainingStock).toBe(9n);
    });

    test("9.10 and 9.15: a payment makes reserved stock sold, a release gives sold stock back", async () => {
      const { activityId } = await sale();
      const { reservationId } = await buy(activityId, "b", 2n);
      await move([reservationId], "sell");
      expect(await move([reservationId], "sell")).toEqual(new Set());
      expect(await stockOf(activityId)).toEqual([8, 0, 2]);
      await move([reservationId], "release");
      expect(await move([reservationId], "sell")).toEqual(new Set());
      expect(await stockOf(activityId)).toEqual([10, 0, 0]);
    });

    test("purchases, payments and releases at once keep the equation", async () => {
      const { activityId } = await sale({ totalStock: 60n });
      const held = await Promise.all(Array.from({ length: 30 }, (_, index) => buy(activityId, `b${index}`)));
      const ids = held.map(({ reservationId }) => reservationId);
      await Promise.all([
        ...ids.map((id) => move([id], "release")),
        ...ids.map((id) => move([id], "sell")),
        move(ids, "release"),
        ...Array.from({ length: 30 }, (_, index) => buy(activityId, `c${index}`)),
      ]);
      expect(await stockOf(activityId)).toEqual([30, 30, 0]);
    });
  });

  describe("minishop 1.5 activities", () => {
    test("S4: a second prewarm of an open sale says whether it is identical", async () => {
      const request = terms();
      const first = await sale(request);
      const identicalOf = async (more: Terms) => {
        const error = await seckill.createActivity({ ...request, ...more }, asAdmin).catch(ConnectError.from);
        if (!(error instanceof ConnectError)) return expect.fail("it was not refused");
        expect(reasonOf(error)).toBe("SALE_OPEN");
        expect(metadataOf(error).activityId).toBe(first.activityId);
        return metadataOf(error).identical;
      };
      expect(await identicalOf({})).toBe("true");
      expect(await identicalOf({ totalStock: 11n })).toBe("false");
      expect(await stockOf(first.activityId)).toEqual([10, 0, 0]);
    });

    test("of concurrent prewarms of one product one opens", async () => {
      const request = terms();
      const settled = await Promise.allSettled(Array.from({ length: 8 }, () => sale(request)));
      expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      const reasons = settled.flatMap((one) => (one.status === "rejected" ? [reasonOf(one.reason)] : []));
      expect(new Set(reasons)).toEqual(new Set(["SALE_OPEN"]));
    });

    test("a draft opens once, a closed activity never", async () => {
      const { activityId } = await sale({ prewarm: false });
      const { activity } = await seckill.prewarmActivity({ activityId }, asAdmin);
      expect(activity?.state).toBe(ActivityState.OPEN);
      expect((await seckill.prewarmActivity({ activityId }, asAdmin)).activity).toEqual(activity);
      await seckill.closeActivity({ activityId }, asAdmin);
      expect(await refusal(seckill.prewarmActivity({ activityId }, asAdmin))).toBe("ACTIVITY_CLOSED");
      expect(await refusal(seckill.scheduleActivity({ activityId }, asAdmin))).toBe("ACTIVITY_CLOSED");
    });

    test("a window that ends before it starts is refused", async () => {
      const window = { startsAt: timestampFromMs(2000), endsAt: timestampFromMs(2000) };
      expect(await refusal(sale(window))).toBe("ACTIVITY_WINDOW");
    });

    test("a schedule sets the window", async () => {
      const { activityId } = await sale();
      const startsAt = timestampFromMs((await databaseNow()) + 60_000);
      await seckill.scheduleActivity({ activityId, startsAt }, asAdmin);
      expect(await refusal(buy(activityId, "b"))).toBe("SALE_NOT_STARTED");
    });

    test("S5, S6 and S7: a product's sale tells its buyers and what one of them holds", async () => {
      const { activityId, productId } = await sale();
      const { reservationId } = await buy(activityId, "b");
      const shown = await seckill.getProductSale({ productId, buyerId: "b" }, asAdmin);
      expect(shown).toMatchObject({ activity: { activityId, stock: { free: 9n } }, buyerCount: 1n });
      expect(shown.reservation?.reservationId).toBe(reservationId);
      await seckill.closeActivity({ activityId }, asAdmin);
      const after = await seckill.getProductSale({ productId, buyerId: "c" }, asAdmin);
      expect(after.activity?.state).toBe(ActivityState.CLOSED);
      expect(after.reservation).toBeUndefined();
      expect((await seckill.getProductSale({ productId: "never" }, asAdmin)).activity).toBeUndefined();
    });

    test("stats count buyers, reservations and releases", async () => {
      const { activityId } = await sale();
      const { reservationId } = await buy(activityId, "b");
      await buy(activityId, "c");
      await move([reservationId], "release");
      expect(await seckill.getActivityStats({ activityId }, asAdmin)).toMatchObject({
        stock: { total: 10n, free: 9n, reserved: 1n },
        buyerCount: 1n,
        reservationCount: 2n,
        releasedCount: 1n,
        orderCount: 0n,
      });
    });

    test("lists newest first, page by page", async () => {
      const made: string[] = [];
      const { productId } = terms();
      for (let count = 0; count < 5; count++) made.push((await sale({ productId, prewarm: false })).activityId);
      const listed: string[] = [];
      let pageToken = "";
      do {
        const page = await seckill.listActivities({ productId, pageSize: 2, pageToken }, asAdmin);
        listed.push(...page.activities.map(({ activityId }) => activityId));
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(listed).toEqual(made.reverse());
    });
  });

  describe("minishop 9.9 messages from outside", () => {
    const message = (activityId: string, buyerId: string, quantity = 1): NewReservation => {
      const id = `${activityId}-${buyerId}-${++products}`;
      const numbers = { orderNumber: products, lineNumber: products };
      const times = { createdAt: Date.UTC(2030, 0, 1), expiresAt: Date.UTC(2030, 0, 1) };
      const ids = { id: `r${products}`, orderId: `o${products}`, externalOrderId: `SK${products}`, traceId: "" };
      return {
        ...ids,
        activityId,
        productId: id.slice(-5),
        buyerId,
        quantity,
        unitPrice: "5.555",
        currency: "CNY",
        ...numbers,
        ...times,
      };
    };

    test("take stock and slot, or say which of them was missing", async () => {
      const { activityId } = await sale({ totalStock: 2n });
      await buy(activityId, "b");
      const rows = [
        message(activityId, "b"),
        message(activityId, "c"),
        message(activityId, "d"),
        message(activityId, "c"),
      ];
      const outcomes = await database.transact((uow) => reserveForMessage(uow, rows));
      expect(outcomes).toEqual(["slot-taken", "reserved", "out-of-stock", "slot-taken"]);
      expect(await stockOf(activityId)).toEqual([0, 2, 0]);
    });

    test("without a sale they hold a slot and no stock, once under concurrency", async () => {
      const activityId = `untracked:${++products}`;
      const rows = Array.from({ length: 8 }, () => message(activityId, "b"));
      const outcomes = await Promise.all(rows.map((row) => database.transact((uow) => reserveForMessage(uow, [row]))));
      expect(outcomes.flat().filter((outcome) => outcome === "reserved")).toHaveLength(1);
      const won = rows[outcomes.findIndex(([outcome]) => outcome === "reserved")];
      expect(await move([won?.id ?? ""], "release")).toEqual(new Set([won?.id]));
      const [row] = await database.read.all("select count(*) as n from reservations where activity_id = ?", [
        activityId,
      ]);
      expect(integer(row?.n)).toBe(1);
    });

    test("belong to the sale that was open at their time, or the last one before it", async () => {
      const first = await sale();
      const { productId } = first;
      await seckill.closeActivity({ activityId: first.activityId }, asAdmin);
      const between = await databaseNow();
      await new Promise((resolve) => setTimeout(resolve, 5));
      const second = await sale({ productId });
      expect((await saleAt(database.read, productId, between))?.id).toBe(first.activityId);
      expect((await saleAt(database.read, productId, between + 60_000))?.id).toBe(second.activityId);
      expect(await saleAt(database.read, productId, Date.UTC(2001, 0, 1))).toBeUndefined();
    });
  });
});
