import { createActivity } from "@ordermesh/order/store/sales.ts";
import type { OutgoingMessage } from "@ordermesh/runtime/events/bus.ts";
import { externalMessageId } from "@ordermesh/runtime/events/message.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";

const productId = 3001;
const subject = "seckill.order.create";

/** Messages of one hot product from as many buyers, half in each shape of docs/contracts/minishop.md 2.2. */
export function messages(count: number): readonly OutgoingMessage[] {
  return Array.from({ length: count }, (_, index) => {
    const common = { product_id: productId, user_id: index + 1, quantity: 1 + (index % 3) };
    const body =
      index % 2 === 0
        ? { ...common, order_id: `SK${index}`, price: 1.25, message_type: "seckill_order" }
        : { ...common, unit_price: 1.25 };
    const data = Buffer.from(JSON.stringify(body));
    return { subject, data, id: externalMessageId(subject, data, index) };
  });
}

/** What they buy and pay together. */
export function totals(count: number): { readonly units: number; readonly minor: number } {
  let units = 0;
  for (let index = 0; index < count; index++) units += 1 + (index % 3);
  return { units, minor: units * 125 };
}

/** Opens the sale that they buy from: with a little more than they need. */
export async function openSale(database: Database, count: number): Promise<void> {
  const terms = {
    productId: String(productId),
    productName: "Rice, 5 kg",
    currency: "CNY",
    priceMinor: 125,
    total: totals(count).units + 10,
    perUserLimit: 0,
    startsAt: null,
    endsAt: null,
    label: "",
  };
  await createActivity(database, terms, true, {});
}
