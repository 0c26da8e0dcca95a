import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createActivity } from "@ordermesh/order/store/sales.ts";
import { expect, onTestFinished, test } from "vitest";
import { openStore } from "../../machine/order-store.ts";
import { verifySales } from "./verify.ts";

/** A sale of ten units of which none is bought. */
async function untouchedSale() {
  const directory = mkdtempSync(join(tmpdir(), "ordermesh-verify-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const database = await openStore({ url: undefined, directory });
  onTestFinished(() => database.close());
  const terms = {
    productId: "lamp",
    productName: "Lamp",
    currency: "CNY",
    priceMinor: 1250,
    total: 10,
    perUserLimit: 0,
    startsAt: null,
    endsAt: null,
    label: "",
  };
  const { id } = await createActivity(database, terms, true, {});
  return { database, sale: { activityId: id, total: 10, orders: [] } };
}

test("a sale where nobody was told yes is right", async () => {
  const { database, sale } = await untouchedSale();
  await verifySales(database, [sale]);
});

test("a yes without its unit of the stock is wrong", async () => {
  const { database, sale } = await untouchedSale();
  const told = { ...sale, orders: ["ord_1"] };
  await expect(verifySales(database, [told])).rejects.toThrow("units reserved: 0 instead of 1");
});

test("a unit that nobody was told of is wrong", async () => {
  const { database, sale } = await untouchedSale();
  await database.transact((uow) => uow.run("update activities set free = 9, reserved = 1"));
  await expect(verifySales(database, [sale])).rejects.toThrow("units reserved: 1 instead of 0");
});
