import { ConnectError } from "@connectrpc/connect";
import type { MiniShopOrderService } from "@ordermesh/proto/compat/minishop/v1/order_pb";
import { FailureService, FailureStatus } from "@ordermesh/proto/ordermesh/order/v1/failure_pb";
import { Channel, type Order, OrderService, OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { reasonOf } from "@ordermesh/runtime/errors/inspect.ts";
import type { CallContext } from "@ordermesh/runtime/rpc/call-context.ts";
import type { Caller } from "@ordermesh/runtime/rpc/caller.ts";
import type { ServiceHandlers } from "@ordermesh/runtime/rpc/service.ts";
import { relay } from "../../transcoder/relay.ts";
import { minishopErrors } from "./errors.ts";
import { failureView } from "./failure-view.ts";
import { parsePaging } from "./legacy-number.ts";
import { midnight, parseStatsDate, zeroTime } from "./legacy-time.ts";
import { majorUnits } from "./money.ts";
import { orderView } from "./order-view.ts";
import { failureIdOf, orderIdOf, userIdOf } from "./path-ids.ts";
import { failureStatuses, orderStatuses } from "./status-words.ts";

/** The old service took remarks and reasons of any length; the native history keeps this many characters. */
const maxRemarkLength = 1000;

const fetched = { code: 0, msg: "获取成功" };

/** O2 to O8 (docs/contracts/minishop.md 1.3) over the native order book. */
export function orderHandlers(caller: Caller, currency: string): ServiceHandlers<typeof MiniShopOrderService> {
  return {
    async getOrder({ orderId }, context) {
      return { ...fetched, data: orderView(await lookUp(orderId, context), currency) };
    },

    async updateOrderStatus({ orderId, update }, context) {
      const status = statusOf(update?.status ?? "");
      const order = await lookUp(orderId, context);
      const remark = remarkOf(update?.remark);
      await relay(caller, context).unary(OrderService.method.updateOrderStatus, {
        orderId: order.orderId,
        status,
        remark,
      });
      return { code: 0, msg: "更新成功" };
    },

    async cancelOrder({ orderId, cancellation }, context) {
      const order = await lookUp(orderId, context);
      const reason = remarkOf(cancellation?.reason);
      await relay(caller, context).unary(OrderService.method.cancelOrder, { orderId: order.orderId, reason });
      return { code: 0, msg: "取消成功" };
    },

    async listUserOrders(request, context) {
      const buyerId = String(userIdOf(request.userId));
      const paging = parsePaging(request.page, request.pageSize);
      const status = filterOf(request.status, orderStatuses, OrderStatus.UNSPECIFIED);
      const { page, pageSize } = paging;
      const frame = { page, pageSize: BigInt(pageSize) };
      if (status === undefined) return { ...fetched, data: { ...frame, orders: [], total: 0n } };
      const { message } = await relay(caller, context).unary(OrderService.method.listOrders, {
        buyerId,
        status,
        channel: Channel.SECKILL,
        pageSize,
        skip: paging.skip,
        includeTotal: true,
      });
      const orders = message.orders.map((order) => orderView(order, currency));
      return { ...fetched, data: { ...frame, orders, total: message.totalSize ?? 0n } };
    },

    async getOrderStats(request, context) {
      if (request.date === "") throw fail(minishopErrors.DATE_MISSING);
      const date = parseStatsDate(request.date);
      if (date === undefined) throw fail(minishopErrors.DATE_MALFORMED);
      const { message } = await relay(caller, context).unary(OrderService.method.getDailyStats, {
        date,
        channel: Channel.SECKILL,
        currency,
      });
      const { stats } = message;
      return {
        ...fetched,
        data: {
          id: stats?.number,
          date: midnight(date),
          totalOrders: stats?.totalOrders,
          seckillOrders: stats?.seckillOrders,
          paidOrders: stats?.paidOrders,
          cancelledOrders: stats?.cancelledOrders,
          totalAmount: majorUnits(stats?.totalAmount),
          createdAt: stats?.createdAt ?? zeroTime,
          updatedAt: stats?.updatedAt ?? zeroTime,
        },
      };
    },

    async listFailures(request, context) {
      const paging = parsePaging(request.page, request.pageSize);
      const status = filterOf(request.status, failureStatuses, FailureStatus.UNSPECIFIED);
      const { page, pageSize } = paging;
      const frame = { page, pageSize: BigInt(pageSize) };
      if (status === undefined) return { ...fetched, data: { ...frame, failures: [], total: 0n } };
      const { message } = await relay(caller, context).unary(FailureService.method.listFailures, {
        status,
        pageSize,
        skip: paging.skip,
        includeTotal: true,
      });
      const failures = message.failures.map(failureView);
      return { ...fetched, data: { ...frame, failures, total: message.totalSize ?? 0n } };
    },

    async retryFailure({ failureId }, context) {
      const number = failureIdOf(failureId);
      if (number === 0n) throw fail(minishopErrors.FAILURE_UNKNOWN);
      try {
        await relay(caller, context).unary(FailureService.method.retryFailure, { number });
      } catch (error) {
        throw isRetryFailure(error) ? await retryFailed(number, context) : error;
      }
      return { code: 0, msg: "重试成功" };
    },
  };

  /** 502 for a cause that may pass, 422 for one that stays (1.3), with the row's own words. */
  async function retryFailed(number: bigint, context: CallContext): Promise<ConnectError> {
    const { message } = await relay(caller, context).unary(FailureService.method.getFailure, { number });
    const { failureType, lastError } = message.failure ?? {};
    const definition = failureType === "TRANSIENT" ? minishopErrors.RETRY_BROKE : minishopErrors.RETRY_REFUSED;
    return fail(definition, { message: `${definition.text}: ${lastError}` });
  }

  /** Throws ORDER_NOT_FOUND, and PERMISSION_DENIED for another user's order. */
  async function lookUp(id: string, context: CallContext): Promise<Order> {
    const { message } = await relay(caller, context).unary(OrderService.method.lookupOrder, {
      channel: Channel.SECKILL,
      externalId: orderIdOf(id),
    });
    if (message.order === undefined) throw fail(minishopErrors.ORDER_UNKNOWN);
    return message.order;
  }
}

function isRetryFailure(error: unknown): boolean {
  return error instanceof ConnectError && reasonOf(error) === "FAILURE_RETRY_FAILED";
}

function statusOf(text: string): OrderStatus {
  if (text === "") throw fail(minishopErrors.STATUS_MISSING);
  const status = orderStatuses.get(text);
  if (status === undefined) throw fail(minishopErrors.STATUS_UNKNOWN);
  return status;
}

/** A list's filter: "" is none; undefined: a word that no row has (1.3: no validation). Throws STATUS_UNKNOWN. */
function filterOf<T>(text: string, words: ReadonlyMap<string, T>, none: T): T | undefined {
  // What is left of bytes that are no UTF-8 (9.4).
  if (text.includes("\ufffd")) throw fail(minishopErrors.STATUS_UNKNOWN);
  return text === "" ? none : words.get(text);
}

function remarkOf(text = ""): string {
  return [...text].slice(0, maxRemarkLength).join("");
}
