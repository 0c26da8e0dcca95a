import { expect, test } from "vitest";
import { startInstance } from "../support/instance.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const json = { "content-type": "application/json" };
const buyers = 120;

async function openSale(url: string, productId: string): Promise<string> {
  const response = await fetch(`${url}/v1/seckill/activities`, {
    method: "POST",
    headers: json,
    body: JSON.stringify({
      productId,
      productName: "Lamp",
      price: { currency: "CNY", minorUnits: 1250 },
      totalStock: 1000,
      prewarm: true,
    }),
  });
  return ((await response.json()) as { activityId: string }).activityId;
}

test("a sale with a full queue answers 429 with Retry-After at once, natively and on MiniShop's path, and oversells nothing", async () => {
  const { url } = await startInstance({
    DATA_DIR: temporaryDirectory(),
    AUTH: "open",
    LOG_LEVEL: "warn",
    PURCHASE_QUEUE: "1",
  });
  const activityId = await openSale(url, "3001");
  const answers = await Promise.all(
    Array.from({ length: buyers }, async (_, index) => {
      const natively = index % 2 === 0;
      const response = await fetch(
        `${url}${natively ? "/v1/seckill/products/3001:purchase" : "/api/v1/seckill/purchase"}`,
        {
          method: "POST",
          headers: json,
          body: JSON.stringify(
            natively ? { buyerId: `${index + 1}`, quantity: 1 } : { product_id: 3001, user_id: index + 1, quantity: 1 },
          ),
        },
      );
      return {
        natively,
        status: response.status,
        retryAfter: response.headers.get("retry-after"),
        body: await response.text(),
      };
    }),
  );
  const sold = answers.filter(({ status }) => status === 200);
  const refused = answers.filter(({ status }) => status !== 200);
  expect(new Set(refused.map(({ status, retryAfter }) => `${status} ${retryAfter}`))).toEqual(new Set(["429 1"]));
  const shapeOf = (wanted: boolean) => JSON.parse(refused.find(({ natively }) => natively === wanted)?.body ?? "null");
  expect(shapeOf(true)).toMatchObject({
    code: 8,
    details: expect.arrayContaining([expect.objectContaining({ reason: "QUEUE_FULL" })]),
  });
  expect(shapeOf(false)).toEqual({ code: -9, message: "系统繁忙，请稍后重试", success: false, remaining_stock: 0 });
  const stats = await fetch(`${url}/v1/seckill/activities/${activityId}/stats`);
  expect(await stats.json()).toMatchObject({
    stock: { free: String(1000 - sold.length), reserved: String(sold.length) },
    reservationCount: String(sold.length),
  });
});
