import type { MessageInitShape } from "@bufbuild/protobuf";
import type { FailureSchema } from "@ordermesh/proto/compat/minishop/v1/order_pb";
import type { Failure } from "@ordermesh/proto/ordermesh/order/v1/failure_pb";
import { numberOfId } from "./legacy-number.ts";
import { failureStatusWord } from "./status-words.ts";

/** A failure with exactly the keys of 1.2; its error is the last one. */
export function failureView(failure: Failure): MessageInitShape<typeof FailureSchema> {
  return {
    id: failure.number,
    orderId: failure.externalOrderId,
    userId: numberOfId(failure.buyerId),
    productId: numberOfId(failure.productId),
    failureType: failure.failureType,
    messageData: Buffer.from(failure.messageData).toString("utf8"),
    errorMsg: failure.lastError || failure.originalError,
    retryCount: failure.retryCount,
    maxRetries: failure.maxRetries,
    nextRetryAt: failure.nextRetryAt,
    status: failureStatusWord(failure.status),
    createdAt: failure.createdAt,
    updatedAt: failure.updatedAt,
  };
}
