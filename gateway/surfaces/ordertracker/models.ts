import { anyText, flag, httpUrl, price, status, text } from "./checks.ts";
import type { FieldRule } from "./validation.ts";

/** Body of POST /product and POST /orders (contract 1.2). */
export const createModel: readonly FieldRule[] = [
  { name: "user_name", presence: "required", check: text({ min: 1, max: 100 }) },
  { name: "shop_name", presence: "required", check: text({ min: 1, max: 200 }) },
  { name: "product_url", presence: "required", check: httpUrl },
  { name: "product_price", presence: "required", check: price },
  { name: "product_sku", presence: "required", check: text({ min: 1, max: 100 }) },
];

/** Body of PATCH /orders/{task_uuid} (contract 1.3); lengths of ids by 7.10. */
export const patchModel: readonly FieldRule[] = [
  { name: "order_id", presence: "optional", check: text({ max: 100 }) },
  { name: "alipay_trade_no", presence: "optional", check: text({ max: 100 }) },
  { name: "receiver_name", presence: "optional", check: text({ max: 100 }) },
  { name: "receiver_address", presence: "optional", check: text({ max: 500 }) },
  { name: "receiver_phone", presence: "optional", check: text({ max: 20 }) },
  { name: "order_status", presence: "optional", check: status },
  // As much as the order service keeps.
  { name: "error_message", presence: "optional", check: text({ max: 10_000 }) },
  // Not of the original's model; as its absence means no, old clients see no difference (contract 3.4, 7.9).
  { name: "force", presence: "optional", check: flag },
];

/** Body of PUT /order/update (contract 1.3). */
export const updateModel: readonly FieldRule[] = [
  { name: "task_uuid", presence: "required", check: anyText },
  ...patchModel,
];
