import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import type { PurchaseResponseSchema } from "@ordermesh/proto/compat/minishop/v1/seckill_pb";
import type { Reservation } from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { reasonOf, retryAfterMsOf } from "@ordermesh/runtime/errors/inspect.ts";
import { minishopErrors } from "./errors.ts";

type PurchaseResult = MessageInitShape<typeof PurchaseResponseSchema>;

/** Refusals of S2 by native reason, with the codes and statuses of 1.5's table (MUST column, 9.10). */
const refusals: Readonly<Record<string, PurchaseResult>> = {
  ACTIVITY_NOT_FOUND: { code: -1, message: "商品不存在", httpStatus: 400 },
  OUT_OF_STOCK: { code: -2, message: "库存不足", httpStatus: 409 },
  ALREADY_PURCHASED: { code: -3, message: "您已经购买过了", httpStatus: 409 },
  SALE_NOT_STARTED: { code: -5, message: "活动尚未开始", httpStatus: 400 },
  SALE_ENDED: { code: -6, message: "活动已结束", httpStatus: 400 },
  PURCHASE_LIMIT: { code: -7, message: "购买数量无效", httpStatus: 400 },
  TOTAL_TOO_LARGE: { code: -7, message: "购买数量无效", httpStatus: 400 },
  RATE_LIMITED: { code: -9, message: "请求过于频繁，请稍后重试", httpStatus: 429 },
  QUEUE_FULL: { code: -9, message: "系统繁忙，请稍后重试", httpStatus: 429 },
};

const unavailable: PurchaseResult = { code: -8, message: "系统错误", httpStatus: 503 };
/** Never reached in the old system; the client is not at fault, hence not its 400. */
const timeout: PurchaseResult = { code: -10, message: "请求超时", httpStatus: 504 };

export const outOfStock = refusals.OUT_OF_STOCK as PurchaseResult;

export function purchased(reservation: Reservation | undefined): PurchaseResult {
  return {
    code: 1,
    message: "秒杀成功",
    success: true,
    remainingStock: reservation?.remainingStock,
    orderId: reservation?.externalOrderId,
  };
}

/** The refusal as a result; undefined when it is an error like any other (credentials, a key used twice, a bug). */
export function refused(error: ConnectError): PurchaseResult | undefined {
  const reason = reasonOf(error) ?? "";
  if (reason in refusals) return refusals[reason];
  if (error.code === Code.Unavailable || reason === "CONFLICT") return unavailable;
  return error.code === Code.DeadlineExceeded ? timeout : undefined;
}

/** Why S3 could not take a purchase, by native reason: the words of 1.5. */
const queueProblems: Readonly<Record<string, string>> = { QUEUE_FULL: "queue is full", RATE_LIMITED: "rate limited" };

/**
 * The error of an asynchronous purchase that was not decided; undefined when the sale has refused it, which S3 does not
 * tell (1.5).
 */
export function notQueued(error: ConnectError): ConnectError | undefined {
  const result = refused(error);
  if (result === undefined) return error;
  const details =
    queueProblems[reasonOf(error) ?? ""] ??
    (result === unavailable ? "queue is closed" : result === timeout ? "request timeout" : undefined);
  if (details === undefined) return undefined;
  const retryAfterMs = retryAfterMsOf(error);
  return fail(minishopErrors.PURCHASE_NOT_QUEUED, {
    metadata: { details },
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}
