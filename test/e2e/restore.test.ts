import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runProgram, startInstance } from "../support/instance.ts";
import { temporaryDirectory } from "../support/temporary.ts";

async function json<T>(url: string, body?: object): Promise<T> {
  const init = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(url, init);
  return (await response.json()) as T;
}

interface Orders {
  readonly orders: readonly { readonly buyerId: string }[];
}

async function buyers(url: string): Promise<string[]> {
  const { orders = [] } = await json<Partial<Orders>>(`${url}/v1/orders?pageSize=100`);
  return orders.map(({ buyerId }) => buyerId).sort();
}

/** A message as other systems send it, with an order that nobody reserved here. */
const message = (order: string, buyer: number) =>
  `${JSON.stringify({ order_id: order, product_id: 4100, user_id: buyer, quantity: 1, price: 1.25, message_type: "seckill_order" })}\n`;

test("after a restore nothing of before the backup is missing, messages of after it are handled again, and stock agrees", async () => {
  const dataDir = temporaryDirectory("restore");
  const env = { DATA_DIR: dataDir };
  const backup = join(temporaryDirectory("backup"), "backup.tar.gz");
  const before = await startInstance(env);
  const sale = await json<{ activityId: string }>(`${before.url}/v1/seckill/activities`, {
    ...{ productId: "8800", productName: "Tea", price: { currency: "CNY", minorUnits: "100" }, totalStock: "10" },
    ...{
      prewarm: true,
      startsAt: new Date(Date.now() - 1000).toISOString(),
      endsAt: new Date(Date.now() + 600_000).toISOString(),
    },
  });
  const purchase = `seckill/activities/${sale.activityId}:purchase`;
  await json(`${before.url}/v1/${purchase}`, { buyerId: "early", quantity: "1" });
  await expect.poll(() => buyers(before.url)).toEqual(["early"]);

  const copied = await runProgram("tools/ops/db-backup.ts", ["--out", backup], env);
  expect(copied.code, copied.err).toBe(0);

  await json(`${before.url}/v1/${purchase}`, { buyerId: "late", quantity: "1" });
  const sent = await runProgram(
    "services/order/cli/publish.ts",
    ["-"],
    { ORDERMESH_URL: before.url },
    message("SK41000000001", 7002),
  );
  expect(sent.code, sent.err).toBe(0);
  await expect.poll(() => buyers(before.url), { timeout: 10_000 }).toEqual(["7002", "early", "late"]);
  const refused = await runProgram("tools/ops/db-restore.ts", [backup, "--yes"], env);
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining("is in use by process") });
  await before.stop();

  const unsaid = await runProgram("tools/ops/db-restore.ts", [backup], env);
  expect(unsaid.code).toBe(2);
  const restored = await runProgram("tools/ops/db-restore.ts", [backup, "--yes"], env);
  expect(restored.code, restored.err).toBe(0);
  const aside = readdirSync(dataDir).find((name) => name.startsWith("before-restore-"));
  expect(existsSync(join(dataDir, aside ?? "", "order.sqlite"))).toBe(true);

  const after = await startInstance(env);
  await expect.poll(() => buyers(after.url), { timeout: 10_000 }).toEqual(["7002", "early"]);
  const failed = () => json<{ failures?: { buyerId: string; error?: string }[] }>(`${after.url}/v1/failures`);
  await expect
    .poll(async () => (await failed()).failures ?? [], { timeout: 10_000 })
    .toMatchObject([{ buyerId: "late" }]);
  const { stock } = await json<{ stock: object }>(`${after.url}/v1/seckill/activities/${sale.activityId}`);
  expect(stock).toMatchObject({ total: "10", free: "9", reserved: "1" });
}, 60_000);
