import { Code } from "@connectrpc/connect";
import { defineErrors } from "@ordermesh/runtime/errors/define.ts";

/** Refusals that the surface itself makes; their texts reach the client as they are. */
export const minishopErrors = defineErrors({
  ORDER_ID_EMPTY: { code: Code.InvalidArgument, text: "订单ID不能为空" },
  ORDER_ID_MALFORMED: { code: Code.InvalidArgument, text: "订单ID格式错误" },
  ORDER_UNKNOWN: { code: Code.NotFound, text: "订单不存在" },
  USER_ID_EMPTY: { code: Code.InvalidArgument, text: "用户ID不能为空" },
  USER_ID_MALFORMED: { code: Code.InvalidArgument, text: "用户ID格式错误" },
  FAILURE_ID_EMPTY: { code: Code.InvalidArgument, text: "失败记录ID不能为空" },
  FAILURE_ID_MALFORMED: { code: Code.InvalidArgument, text: "失败记录ID格式错误" },
  FAILURE_UNKNOWN: { code: Code.NotFound, text: "失败记录不存在" },
  RETRY_BROKE: { code: Code.Unavailable, http: 502, text: "重试失败" },
  RETRY_REFUSED: { code: Code.FailedPrecondition, http: 422, text: "重试失败" },
  STATUS_MISSING: { code: Code.InvalidArgument, text: "参数错误: status is required" },
  STATUS_UNKNOWN: { code: Code.InvalidArgument, text: "参数错误: unknown status" },
  DATE_MISSING: { code: Code.InvalidArgument, text: "日期参数不能为空" },
  DATE_MALFORMED: { code: Code.InvalidArgument, text: "参数错误: date must be YYYY-MM-DD" },
  PARAMETERS_INVALID: { code: Code.InvalidArgument, text: "Invalid parameters" },
  /** S3; what is wrong stands in the metadata's `details`. */
  PURCHASE_NOT_QUEUED: { code: Code.Unavailable, text: "Service unavailable" },
  PRODUCT_ID_INVALID: { code: Code.InvalidArgument, text: "Invalid product ID" },
  BUYER_ID_INVALID: { code: Code.InvalidArgument, text: "Invalid user ID" },
});
