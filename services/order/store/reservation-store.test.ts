import { integer } from "@ordermesh/runtime/store/column.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { openSeckill, type SeckillFixture } from "../rpc/testing/seckill-fixture.ts";
import { type NewReservation, reserveForMessage } from "./reservation-store.ts";

let messages = 0;

function message(activityId: string, buyerId: string): NewReservation {
  const n = ++messages;
  return {
    id: `r${n}`,
    activityId,
    productId: "p",
    buyerId,
    quantity: 1,
    unitPrice: "5.555",
    currency: "CNY",
    orderId: `o${n}`,
    orderNumber: n,
    lineNumber: n,
    externalOrderId: `SK${n}`,
    traceId: "",
    createdAt: Date.UTC(2030, 0, 1),
    expiresAt: Date.UTC(2030, 0, 1),
  };
}

describe.each(databaseKinds)("%s", (kind) => {
  let on: SeckillFixture;

  beforeAll(async () => {
    on = await openSeckill(kind);
  });
  afterAll(() => on.dispose());

  describe("minishop 3.4 messages from outside", () => {
    test("take stock and slot, or say which of them was missing", async () => {
      const { activityId } = await on.sale({ totalStock: 2n });
      await on.buy(activityId, "b");
      const rows = [
        message(activityId, "b"),
        message(activityId, "c"),
        message(activityId, "d"),
        message(activityId, "c"),
      ];
      const outcomes = await on.database.transact((uow) => reserveForMessage(uow, rows));
      expect(outcomes).toEqual(["slot-taken", "reserved", "out-of-stock", "slot-taken"]);
      expect(await on.stockOf(activityId)).toEqual([0, 2, 0]);
    });

    test("without a sale they hold a slot and no stock, once under concurrency", async () => {
      const activityId = "untracked:p";
      const rows = Array.from({ length: 8 }, () => message(activityId, "b"));
      const outcomes = await Promise.all(
        rows.map((row) => on.database.transact((uow) => reserveForMessage(uow, [row]))),
      );
      expect(outcomes.flat().filter((outcome) => outcome === "reserved")).toHaveLength(1);
      const won = rows[outcomes.findIndex(([outcome]) => outcome === "reserved")];
      expect(await on.move([won?.id ?? ""], "release")).toEqual(new Set([won?.id]));
      const [row] = await on.database.read.all("select count(*) as n from reservations where activity_id = ?", [
        activityId,
      ]);
      expect(integer(row?.n)).toBe(1);
    });
  });
});
