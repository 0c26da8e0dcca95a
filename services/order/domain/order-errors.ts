import { Code } from "@connectrpc/connect";
import { defineErrors } from "@ordermesh/runtime/errors/define.ts";

/** Refusals of the order book, flash sales and failures; legacy surfaces map them by reason. */
export const orderErrors = defineErrors({
  ORDER_NOT_FOUND: { code: Code.NotFound, text: "no such order" },
  ILLEGAL_TRANSITION: { code: Code.FailedPrecondition, http: 409, text: "the order cannot move to this status" },
  ORDER_ALREADY_CANCELLED: { code: Code.FailedPrecondition, http: 409, text: "the order is cancelled already" },
  ORDER_ALREADY_COMPLETED: { code: Code.FailedPrecondition, http: 409, text: "a completed order cannot be cancelled" },
  ORDER_VERSION_MISMATCH: { code: Code.Aborted, text: "the order has changed meanwhile" },
  ACTIVITY_NOT_FOUND: { code: Code.NotFound, text: "no such activity" },
  ACTIVITY_CLOSED: { code: Code.FailedPrecondition, http: 409, text: "the activity is closed" },
  ACTIVITY_WINDOW: { code: Code.InvalidArgument, text: "the activity must end after it starts" },
  SALE_OPEN: { code: Code.AlreadyExists, text: "a sale of this product is open" },
  SALE_NOT_STARTED: { code: Code.FailedPrecondition, text: "the sale has not started" },
  SALE_ENDED: { code: Code.FailedPrecondition, text: "the sale has ended" },
  OUT_OF_STOCK: { code: Code.FailedPrecondition, http: 409, text: "not enough stock" },
  ALREADY_PURCHASED: { code: Code.AlreadyExists, text: "the buyer has bought in this sale already" },
  PURCHASE_LIMIT: { code: Code.FailedPrecondition, http: 409, text: "more than one buyer may take" },
  RESERVATION_NOT_FOUND: { code: Code.NotFound, text: "no such reservation" },
  TOTAL_TOO_LARGE: { code: Code.OutOfRange, http: 400, text: "the order's total is beyond 99999999.99" },
  FAILURE_NOT_FOUND: { code: Code.NotFound, text: "no such failure" },
  FAILURE_RESOLVED: { code: Code.FailedPrecondition, http: 409, text: "the order of this failure stands already" },
  FAILURE_IN_PROGRESS: { code: Code.Aborted, retryable: true, text: "another attempt is under way" },
  FAILURE_RETRY_FAILED: { code: Code.FailedPrecondition, http: 422, text: "the retry failed" },
});
