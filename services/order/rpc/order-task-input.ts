import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { CreateOrderTaskRequest, UpdateOrderTaskRequest } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { TaskUpdate } from "../domain/order-task.ts";

/** Throws INVALID_ARGUMENT (VALIDATION) for what the rules in the proto cannot say. */
export function checkNewTask(request: CreateOrderTaskRequest): void {
  const { userName, shopName, productUrl, productSku } = request;
  refuseNul({ user_name: userName, shop_name: shopName, product_url: productUrl, product_sku: productSku });
  if (!isWebAddress(productUrl)) throw invalid("product_url", "must be an absolute http or https URL");
}

/** The update that a request asks for. Throws INVALID_ARGUMENT (VALIDATION). */
export function readUpdate(request: UpdateOrderTaskRequest): TaskUpdate {
  const { shopOrderId, alipayTradeNo, receiverName, receiverAddress, receiverPhone, errorMessage } = request;
  refuseNul({
    shop_order_id: shopOrderId,
    alipay_trade_no: alipayTradeNo,
    receiver_name: receiverName,
    receiver_address: receiverAddress,
    receiver_phone: receiverPhone,
    error_message: errorMessage,
  });
  return {
    details: { shopOrderId, alipayTradeNo, receiverName, receiverAddress, receiverPhone, errorMessage },
    status: request.status,
    force: request.force,
    expectedVersion: request.expectedVersion,
  };
}

/** Throws INVALID_ARGUMENT (VALIDATION) where a text has a NUL, which PostgreSQL cannot store. */
export function refuseNul(fields: Readonly<Record<string, string | undefined>>): void {
  for (const [field, text] of Object.entries(fields)) {
    if (text?.includes("\0") === true) throw invalid(field, "must not have a NUL character");
  }
}

/** Stored times are whole milliseconds between the years 1000 and 9999: the first of them that is not before `time`. */
export function notBeforeMs(time: Timestamp | undefined): number | undefined {
  if (time === undefined) return undefined;
  const ms = Number(time.seconds) * 1000 + Math.ceil(time.nanos / 1_000_000);
  return Math.min(Math.max(ms, Date.UTC(1000, 0, 1)), Date.UTC(9999, 11, 31, 23, 59, 59, 999));
}

function isWebAddress(text: string): boolean {
  return /^https?:\/\/[^\s/?#]/i.test(text) && !/\s/.test(text) && URL.canParse(text);
}

function invalid(field: string, description: string): Error {
  return fail("VALIDATION", { violations: [{ field, description }] });
}
