import { FailureStatus } from "@ordermesh/proto/ordermesh/order/v1/failure_pb";
import { OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";

/** Statuses of 3.3: all that O3 takes. */
export const orderStatuses: ReadonlyMap<string, OrderStatus> = new Map([
  ["pending", OrderStatus.PENDING],
  ["paid", OrderStatus.PAID],
  ["completed", OrderStatus.COMPLETED],
  ["cancelled", OrderStatus.CANCELLED],
  ["expired", OrderStatus.EXPIRED],
  ["refunded", OrderStatus.REFUNDED],
  ["failed", OrderStatus.FAILED],
]);

export const failureStatuses: ReadonlyMap<string, FailureStatus> = new Map([
  ["pending", FailureStatus.PENDING],
  ["processing", FailureStatus.PROCESSING],
  ["success", FailureStatus.SUCCESS],
  ["failed", FailureStatus.FAILED],
  ["expired", FailureStatus.EXPIRED],
]);

/** A native status in this surface's words. */
export function orderStatusWord(status: OrderStatus): string {
  return OrderStatus[status].toLowerCase();
}

export function failureStatusWord(status: FailureStatus): string {
  return FailureStatus[status].toLowerCase();
}
