import { Code, type ConnectError } from "@connectrpc/connect";
import { httpStatusOf, metadataOf, reasonOf, retryAfterMsOf } from "@ordermesh/runtime/errors/inspect.ts";
import { escapeForHtml } from "../../transcoder/json-escape.ts";
import { type Problem, problemToError } from "../../transcoder/problem.ts";
import { jsonReply, type Reply } from "../../transcoder/reply.ts";
import type { RestRequest } from "../../transcoder/rest-request.ts";
import { minishopErrors } from "./errors.ts";

export const contentType = "application/json; charset=utf-8";

/** An error body of either old service: `{"error"}`, of the flash-sale service with `details` where there are some. */
function errorReply(status: number, error: string, details?: string, headers?: Record<string, string>): Reply {
  return jsonReply(status, escapeForHtml(JSON.stringify({ details, error })), contentType, headers);
}

/** The flash-sale service's paths speak its English, all others the order service's Chinese (9.13). */
function isSeckill({ path }: RestRequest): boolean {
  return path.startsWith("/api/v1/seckill/") || path.startsWith("/api/v1/system/");
}

/** What holds the body in our messages: nothing that a client knows. */
const bodyField = /^(?:update|cancellation|activity)\./;

/** A request that never became a call (1.1, 1.5). */
export function problemReply(problem: Problem, request: RestRequest): Reply {
  switch (problem.kind) {
    case "not-found":
    case "method-not-allowed":
      return { status: 404, headers: { "content-type": "text/plain" }, body: "404 page not found" };
    case "malformed":
    case "field":
      if (problem.source === "path") return errorReply(400, idTextOf(request.path));
  }
  const error = problemToError(problem);
  const status = problem.kind === "body-too-large" ? httpStatusOf(error) : 400;
  const text = error.rawMessage.replace(bodyField, "");
  if (isSeckill(request)) return errorReply(status, "Invalid request format", text);
  return errorReply(status, `参数错误: ${text}`);
}

/** A body that a method needs and the request lacks: what Go's decoder says of it. */
export function missingBodyReply(request: RestRequest): Reply {
  return isSeckill(request) ? errorReply(400, "Invalid request format", "EOF") : errorReply(400, "参数错误: EOF");
}

/** What a path's id is called when it is no text at all (broken UTF-8, NUL). */
function idTextOf(path: string): string {
  if (path.includes("/seckill/")) return minishopErrors.PRODUCT_ID_INVALID.text;
  if (path.includes("/users/")) return minishopErrors.USER_ID_MALFORMED.text;
  if (path.includes("/failures/")) return minishopErrors.FAILURE_ID_MALFORMED.text;
  return minishopErrors.ORDER_ID_MALFORMED.text;
}

/** A call that failed: the MUST column of 1.3, the error column of 1.5. */
export function callErrorReply(error: ConnectError, request: RestRequest): Reply {
  const retryAfterMs = retryAfterMsOf(error);
  const headers: Record<string, string> = {};
  if (retryAfterMs !== undefined) headers["retry-after"] = String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
  if (error.code === Code.Unauthenticated) {
    return unauthenticatedReply(request, behindGateway.test(request.path));
  }
  const own = minishopErrors[reasonOf(error) as keyof typeof minishopErrors];
  if (own !== undefined) return errorReply(own.http, error.rawMessage, metadataOf(error).details, headers);
  return isSeckill(request) ? seckillError(error, request, headers) : orderError(error, request, headers);
}

/** Paths that only the old gateway had: its prefix, documented and doubled (1.6). */
const behindGateway = /^\/api\/v1\/(?:order|seckill\/api\/v1)\//;

/** The old gateway's literals, in its body where it was it that answered (1.6, 9.8). */
export function unauthenticatedReply(request: RestRequest, byGateway: boolean): Reply {
  const error = request.headers.authorization === undefined ? "缺少认证token" : "token验证失败";
  const headers = { "www-authenticate": "Bearer" };
  return byGateway ? gatewayErrorReply({ code: 401, error }, headers) : errorReply(401, error, undefined, headers);
}

/** An error body of the old gateway, whose `code` is the HTTP status; keys in their order. */
export function gatewayErrorReply(
  body: { readonly code: number; readonly error: string; readonly path?: string },
  headers?: Record<string, string>,
): Reply {
  return jsonReply(body.code, escapeForHtml(JSON.stringify(body)), contentType, headers);
}

const orderTexts: Readonly<Record<string, string>> = {
  ORDER_NOT_FOUND: "订单不存在",
  ORDER_ALREADY_CANCELLED: "订单已取消",
  ORDER_ALREADY_COMPLETED: "已完成的订单无法取消",
  FAILURE_NOT_FOUND: "失败记录不存在",
  FAILURE_RESOLVED: "该记录已处理成功",
  FAILURE_IN_PROGRESS: "该记录正在处理中",
  PERMISSION_DENIED: "没有权限",
  QUEUE_FULL: "系统繁忙，请稍后重试",
  RATE_LIMITED: "请求过于频繁，请稍后重试",
};

function orderError(error: ConnectError, request: RestRequest, headers: Record<string, string>): Reply {
  const reason = reasonOf(error) ?? "";
  const metadata = metadataOf(error);
  // The contract's words for all three: already done is 409, whatever the code.
  if (reason === "FAILURE_IN_PROGRESS") return errorReply(409, orderTexts[reason] ?? "", undefined, headers);
  if (reason === "ILLEGAL_TRANSITION") {
    return errorReply(409, `订单状态不能从 ${word(metadata.from)} 变更为 ${word(metadata.to)}`);
  }
  const status = httpStatusOf(error);
  const text = orderTexts[reason];
  if (text !== undefined) return errorReply(status, text, undefined, headers);
  if (status >= 500) return errorReply(status, `系统错误，请稍后重试 (trace_id: ${request.id})`, undefined, headers);
  if (status === 400) return errorReply(400, `参数错误: ${error.rawMessage}`);
  return errorReply(status, error.rawMessage, undefined, headers);
}

/** A status as this surface spells it, from its word or its enum's name. */
function word(status = ""): string {
  return status.replace(/^ORDER_STATUS_/, "").toLowerCase();
}

function seckillError(error: ConnectError, request: RestRequest, headers: Record<string, string>): Reply {
  const status = httpStatusOf(error);
  if (status >= 500) return errorReply(status, failedAction(request), `trace_id: ${request.id}`, headers);
  if (reasonOf(error) === "SALE_OPEN") return errorReply(409, "Activity already prewarmed", error.rawMessage);
  if (status === 400) return errorReply(400, minishopErrors.PARAMETERS_INVALID.text, error.rawMessage);
  return errorReply(status, error.rawMessage, undefined, headers);
}

/** The old texts of a failure inside (1.5). */
function failedAction({ method, path }: RestRequest): string {
  if (path.endsWith("/activity/prewarm")) return "Failed to prewarm activity";
  if (method === "DELETE") return "Failed to cleanup activity";
  if (path.includes("/stats/")) return "Failed to get seckill stats";
  return "Internal server error";
}
