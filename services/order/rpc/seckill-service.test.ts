import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { ActivityState } from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import type { Principal } from "@ordermesh/runtime/auth/principal.ts";
import { metadataOf, reasonOf } from "@ordermesh/runtime/errors/inspect.ts";
import type { CallOptions } from "@ordermesh/runtime/rpc/caller.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { asAdmin, openSeckill, refusal, type SeckillFixture, type Terms } from "./testing/seckill-fixture.ts";

describe.each(databaseKinds)("%s", (kind) => {
  let on: SeckillFixture;

  beforeAll(async () => {
    on = await openSeckill(kind);
  });
  afterAll(() => on.dispose());

  describe("minishop 6.2 refusals", () => {
    test("an unknown activity, a draft and a product without a sale", async () => {
      const draft = await on.sale({ prewarm: false });
      expect(await refusal(on.buy("act_none", "b"))).toBe("ACTIVITY_NOT_FOUND");
      expect(await refusal(on.buy(draft.activityId, "b"))).toBe("ACTIVITY_NOT_FOUND");
      const product = { productId: draft.productId, buyerId: "b", quantity: 1n };
      expect(await refusal(on.seckill.purchase(product, asAdmin))).toBe("ACTIVITY_NOT_FOUND");
    });

    test("before and after the window, by the database's clock", async () => {
      const now = await on.databaseNow();
      const early = await on.sale({ startsAt: timestampFromMs(now + 60_000) });
      const late = await on.sale({ endsAt: timestampFromMs(now) });
      const inside = await on.sale({ startsAt: timestampFromMs(now), endsAt: timestampFromMs(now + 60_000) });
      expect(await refusal(on.buy(early.activityId, "b"))).toBe("SALE_NOT_STARTED");
      expect(await refusal(on.buy(late.activityId, "b"))).toBe("SALE_ENDED");
      expect((await on.buy(inside.activityId, "b")).remainingStock).toBe(9n);
    });

    test("a closed sale", async () => {
      const { activityId } = await on.sale();
      await on.seckill.closeActivity({ activityId }, asAdmin);
      expect(await refusal(on.buy(activityId, "b"))).toBe("SALE_ENDED");
    });

    test("more than is free, and more than one buyer may take", async () => {
      const { activityId } = await on.sale({ perUserLimit: 3n, totalStock: 2n });
      expect(await refusal(on.buy(activityId, "b", 4n))).toBe("PURCHASE_LIMIT");
      expect(await refusal(on.buy(activityId, "b", 3n))).toBe("OUT_OF_STOCK");
      expect((await on.buy(activityId, "b", 2n)).remainingStock).toBe(0n);
    });

    test("a second purchase in the same sale, even of a sold-out one", async () => {
      const { activityId } = await on.sale({ totalStock: 1n });
      await on.buy(activityId, "b");
      expect(await refusal(on.buy(activityId, "b"))).toBe("ALREADY_PURCHASED");
    });

    test("a total beyond 99999999.99", async () => {
      const price = { currency: "CNY", minorUnits: 9_999_999_999n };
      const { activityId } = await on.sale({ price });
      expect(await refusal(on.buy(activityId, "b", 2n))).toBe("TOTAL_TOO_LARGE");
      expect((await on.buy(activityId, "b", 1n)).quantity).toBe(1n);
    });

    test("a user who buys for another one, or looks at another one's reservation", async () => {
      const { activityId, productId } = await on.sale();
      const user: Principal = { id: "u1", roles: new Set(["user"]), kind: "jwt", seesPersonalData: false };
      const { reservationId } = await on.buy(activityId, "u2");
      expect(await refusal(on.buy(activityId, "u3", 1n, { principal: user }))).toBe("PERMISSION_DENIED");
      expect(await refusal(on.seckill.getReservation({ reservationId }, { principal: user }))).toBe(
        "PERMISSION_DENIED",
      );
      const other = { productId, buyerId: "u2" };
      expect(await refusal(on.seckill.getProductSale(other, { principal: user }))).toBe("PERMISSION_DENIED");
      expect((await on.buy(activityId, "u1", 1n, { principal: user })).buyerId).toBe("u1");
    });

    test("a NUL in an id", async () => {
      expect(await refusal(on.buy("a\0b", "b"))).toBe("VALIDATION");
    });
  });

  describe("minishop 3.4 idempotency", () => {
    const keyed = (key: string): CallOptions => ({ ...asAdmin, header: new Headers({ "idempotency-key": key }) });

    test("the same key and request give the same order", async () => {
      const { activityId } = await on.sale();
      const first = await on.buy(activityId, "b", 1n, keyed(`${activityId}-1`));
      const again = await on.buy(activityId, "b", 1n, keyed(`${activityId}-1`));
      expect(again).toEqual(first);
      expect(await on.stockOf(activityId)).toEqual([9, 1, 0]);
    });

    test("a key for another request is refused, and its neighbours in the batch are not", async () => {
      const { activityId } = await on.sale();
      const key = `${activityId}-2`;
      const [first, other, neighbour] = await Promise.allSettled([
        on.buy(activityId, "b", 1n, keyed(key)),
        on.buy(activityId, "c", 1n, keyed(key)),
        on.buy(activityId, "d"),
      ]);
      expect([first?.status, neighbour?.status]).toEqual(["fulfilled", "fulfilled"]);
      expect(other?.status === "rejected" && reasonOf(other.reason)).toBe("IDEMPOTENCY_KEY_REUSED");
      expect(await refusal(on.buy(activityId, "e", 1n, keyed(key)))).toBe("IDEMPOTENCY_KEY_REUSED");
      expect(await on.stockOf(activityId)).toEqual([8, 2, 0]);
    });

    test("a repeated request beside a buyer who has bought before: both are answered at once", async () => {
      const { activityId } = await on.sale();
      const key = keyed(`${activityId}-4`);
      const first = await on.buy(activityId, "b", 1n, key);
      await on.buy(activityId, "c");
      const asked = performance.now();
      const [again, reason] = await Promise.all([
        on.buy(activityId, "b", 1n, key),
        refusal(on.buy(activityId, "c")),
        on.buy(activityId, "d"),
      ]);
      expect(performance.now() - asked).toBeLessThan(1000);
      expect([again, reason]).toEqual([first, "ALREADY_PURCHASED"]);
      expect(await on.stockOf(activityId)).toEqual([7, 3, 0]);
    });

    test("a refused purchase gives its key up", async () => {
      const { activityId } = await on.sale({ prewarm: false });
      const key = keyed(`${activityId}-3`);
      expect(await refusal(on.buy(activityId, "b", 1n, key))).toBe("ACTIVITY_NOT_FOUND");
      await on.seckill.prewarmActivity({ activityId }, asAdmin);
      expect((await on.buy(activityId, "b", 1n, key)).remainingStock).toBe(9n);
    });

    test("W14: the same user buys in the second sale of the same product", async () => {
      const first = await on.sale();
      await on.buy(first.activityId, "b");
      await on.seckill.closeActivity({ activityId: first.activityId }, asAdmin);
      const second = await on.sale({ productId: first.productId });
      expect((await on.buy(second.activityId, "b")).remainingStock).toBe(9n);
      expect(await on.eventsOf(second.activityId)).toHaveLength(1);
    });
  });

  describe("minishop 1.5 activities", () => {
    test("S4: a second prewarm of an open sale says whether it is identical", async () => {
      const request = on.terms();
      const first = await on.sale(request);
      const identicalOf = async (more: Terms) => {
        const error = await on.seckill.createActivity({ ...request, ...more }, asAdmin).catch(ConnectError.from);
        if (!(error instanceof ConnectError)) return expect.fail("it was not refused");
        expect(reasonOf(error)).toBe("SALE_OPEN");
        expect(metadataOf(error).activityId).toBe(first.activityId);
        return metadataOf(error).identical;
      };
      expect(await identicalOf({})).toBe("true");
      expect(await identicalOf({ totalStock: 11n })).toBe("false");
      expect(await on.stockOf(first.activityId)).toEqual([10, 0, 0]);
    });

    test("of concurrent prewarms of one product one opens", async () => {
      const request = on.terms();
      const settled = await Promise.allSettled(Array.from({ length: 8 }, () => on.sale(request)));
      expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      const reasons = settled.flatMap((one) => (one.status === "rejected" ? [reasonOf(one.reason)] : []));
      expect(new Set(reasons)).toEqual(new Set(["SALE_OPEN"]));
    });

    test("a draft opens once, a closed activity never", async () => {
      const { activityId } = await on.sale({ prewarm: false });
      const { activity } = await on.seckill.prewarmActivity({ activityId }, asAdmin);
      expect(activity?.state).toBe(ActivityState.OPEN);
      expect((await on.seckill.prewarmActivity({ activityId }, asAdmin)).activity).toEqual(activity);
      await on.seckill.closeActivity({ activityId }, asAdmin);
      expect(await refusal(on.seckill.prewarmActivity({ activityId }, asAdmin))).toBe("ACTIVITY_CLOSED");
      expect(await refusal(on.seckill.scheduleActivity({ activityId }, asAdmin))).toBe("ACTIVITY_CLOSED");
    });

    test("a window that ends before it starts is refused", async () => {
      const window = { startsAt: timestampFromMs(2000), endsAt: timestampFromMs(2000) };
      expect(await refusal(on.sale(window))).toBe("ACTIVITY_WINDOW");
    });

    test("a schedule sets the window", async () => {
      const { activityId } = await on.sale();
      const startsAt = timestampFromMs((await on.databaseNow()) + 60_000);
      await on.seckill.scheduleActivity({ activityId, startsAt }, asAdmin);
      expect(await refusal(on.buy(activityId, "b"))).toBe("SALE_NOT_STARTED");
    });

    test("S5, S6 and S7: a product's sale tells its buyers and what one of them holds", async () => {
      const { activityId, productId } = await on.sale();
      const { reservationId } = await on.buy(activityId, "b");
      const shown = await on.seckill.getProductSale({ productId, buyerId: "b" }, asAdmin);
      expect(shown).toMatchObject({ activity: { activityId, stock: { free: 9n } }, buyerCount: 1n });
      expect(shown.reservation?.reservationId).toBe(reservationId);
      await on.seckill.closeActivity({ activityId }, asAdmin);
      const after = await on.seckill.getProductSale({ productId, buyerId: "c" }, asAdmin);
      expect(after.activity?.state).toBe(ActivityState.CLOSED);
      expect(after.reservation).toBeUndefined();
      expect((await on.seckill.getProductSale({ productId: "never" }, asAdmin)).activity).toBeUndefined();
    });

    test("stats count buyers, reservations and releases", async () => {
      const { activityId } = await on.sale();
      const { reservationId } = await on.buy(activityId, "b");
      await on.buy(activityId, "c");
      await on.move([reservationId], "release");
      expect(await on.seckill.getActivityStats({ activityId }, asAdmin)).toMatchObject({
        stock: { total: 10n, free: 9n, reserved: 1n },
        buyerCount: 1n,
        reservationCount: 2n,
        releasedCount: 1n,
        orderCount: 0n,
      });
    });

    test("lists newest first, page by page", async () => {
      const made: string[] = [];
      const { productId } = on.terms();
      for (let count = 0; count < 5; count++) made.push((await on.sale({ productId, prewarm: false })).activityId);
      const listed: string[] = [];
      let pageToken = "";
      do {
        const page = await on.seckill.listActivities({ productId, pageSize: 2, pageToken }, asAdmin);
        listed.push(...page.activities.map(({ activityId }) => activityId));
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(listed).toEqual(made.reverse());
    });
  });
});
