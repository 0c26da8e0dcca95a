import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import {
  Channel,
  type ListOrdersRequest,
  type Order,
  OrderSchema,
  OrderService,
  OrderStatus,
} from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { actsForEveryone, requireOwner } from "@ordermesh/runtime/auth/ownership.ts";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { CallContext } from "@ordermesh/runtime/rpc/call-context.ts";
import { bindService, type ServiceBinding } from "@ordermesh/runtime/rpc/service.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import type { GroupLimits } from "@ordermesh/runtime/store/group-commit.ts";
import { orderErrors } from "../domain/order-errors.ts";
import { systemActor } from "../store/order-creation.ts";
import { type OrderReads, orderReads } from "../store/order-reads.ts";
import type { OrderRow, OrderWithLines } from "../store/order-row.ts";
import {
  countOrders,
  listOrders,
  type OrderFilter,
  type OrderTransitionRow,
  orderHistory,
} from "../store/order-store.ts";
import { type MovedOrder, moveOrders, type OrderMove } from "../store/order-transition.ts";
import { nextPageToken, readPageToken } from "../store/page-token.ts";
import { commandBatch } from "./command-batch.ts";
import { getDailyStats } from "./daily-stats.ts";
import { orderMessage, transitionMessage } from "./order-message.ts";

const defaultPageSize = 20;
const largestSkip = 2n ** 53n - 1n;

/** OrderService on the order database; `currency` is that of statistics which name none (default CNY). */
export function orderService(options: {
  readonly database: Database;
  readonly settings?: { readonly currency?: string };
  /** Of creations and changes. */
  readonly limits?: GroupLimits;
}): ServiceBinding {
  const { database, limits } = options;
  const currency = options.settings?.currency ?? "CNY";
  const reads = orderReads(database);
  const commitMove = commandBatch({
    database,
    limits,
    schema: OrderSchema,
    run: moveOrders,
    answer: ({ order }: MovedOrder) => orderMessage(order),
  });

  async function change(move: OrderMove, context: CallContext): Promise<Order> {
    if (!storable(move.orderId)) throw fail(orderErrors.ORDER_NOT_FOUND);
    return await commitMove(move, context);
  }

  return bindService(OrderService, {
    async getOrder({ orderId }, context) {
      return { order: orderMessage(await readableOrder(reads, orderId, context)) };
    },

    async lookupOrder({ channel, externalId }, context) {
      const found = storable(externalId) ? await reads.byChannelId.load({ channel, externalId }, context) : undefined;
      return { order: orderMessage(owned(found, context)) };
    },

    async listOrders(request, context) {
      const filter = filterOf(request, context);
      const filters = [filter.buyerId, filter.status, filter.channel, filter.createdFrom, filter.createdBefore];
      const after = readPageToken(request.pageToken, filters);
      const limit = request.pageSize === 0 ? defaultPageSize : request.pageSize;
      const total = request.includeTotal ? { totalSize: await countOrders(database.read, filter) } : {};
      if (request.skip > largestSkip) return { ...total };
      const page = { after, skip: request.skip, limit: limit + 1 };
      const found = await listOrders(database.read, filter, page);
      const orders = found.slice(0, limit);
      const last = orders.at(-1)?.order;
      const nextToken = found.length > limit && last !== undefined ? nextPageToken(last, filters) : "";
      return { orders: orders.map(orderMessage), nextPageToken: nextToken, ...total };
    },

    async updateOrderStatus({ orderId, status, remark, expectedVersion }, context) {
      const check = (order: OrderRow) => requireOwner(context.principal, order.buyerId);
      const move = { orderId, to: status, remark, actor: context.principal.id, expectedVersion, check };
      return { order: await change(move, context) };
    },

    async cancelOrder({ orderId, reason }, context) {
      const check = ({ buyerId, status }: OrderRow) => {
        requireOwner(context.principal, buyerId);
        if (status === OrderStatus.COMPLETED) throw fail(orderErrors.ORDER_ALREADY_COMPLETED);
        if (status === OrderStatus.CANCELLED) throw fail(orderErrors.ORDER_ALREADY_CANCELLED);
      };
      const move = { orderId, to: OrderStatus.CANCELLED, remark: reason, actor: context.principal.id, check };
      return { order: await change(move, context) };
    },

    async listOrderHistory({ orderId }, context) {
      const { order } = await readableOrder(reads, orderId, context);
      const stored = await orderHistory(database.read, order.id);
      const rows = stored.length === 0 ? [creationOf(order)] : stored;
      return { transitions: rows.map(transitionMessage) };
    },

    getDailyStats: (request) => getDailyStats(database, request, currency),
  });
}

async function readableOrder(reads: OrderReads, orderId: string, context: CallContext): Promise<OrderWithLines> {
  return owned(storable(orderId) ? await reads.byId.load(orderId, context) : undefined, context);
}

/** Throws ORDER_NOT_FOUND, and for another user's order PERMISSION_DENIED. */
function owned(found: OrderWithLines | undefined, context: CallContext): OrderWithLines {
  if (found === undefined) throw fail(orderErrors.ORDER_NOT_FOUND);
  requireOwner(context.principal, found.order.buyerId);
  return found;
}

/** What the history of an order begins with, also while only its reservation stands. */
function creationOf({ createdAt }: OrderWithLines["order"]): OrderTransitionRow {
  const { UNSPECIFIED, PENDING } = OrderStatus;
  return { version: 1, from: UNSPECIFIED, to: PENDING, remark: "", actor: systemActor, changedAt: createdAt };
}

/** A buyer sees own orders, and only those when none is named. */
function filterOf(request: ListOrdersRequest, { principal }: CallContext): OrderFilter {
  const buyerId = request.buyerId || (actsForEveryone(principal) ? "" : principal.id);
  if (!actsForEveryone(principal)) requireOwner(principal, buyerId);
  if (!storable(buyerId)) {
    throw fail("VALIDATION", { violations: [{ field: "buyer_id", description: "has a NUL" }] });
  }
  return {
    ...(buyerId === "" ? {} : { buyerId }),
    ...(request.status === OrderStatus.UNSPECIFIED ? {} : { status: request.status }),
    ...(request.channel === Channel.UNSPECIFIED ? {} : { channel: request.channel }),
    ...(request.createdAfter === undefined ? {} : { createdFrom: ceilMs(request.createdAfter) }),
    ...(request.createdBefore === undefined ? {} : { createdBefore: ceilMs(request.createdBefore) }),
  };
}

const firstTime = Date.UTC(1000, 0, 1);
const lastTime = Date.UTC(9999, 11, 31);

/** Stored times are whole milliseconds: both bounds mean the next one. Clamped to what the databases store. */
function ceilMs(time: Timestamp): number {
  const ms = timestampMs(time) + (time.nanos % 1_000_000 === 0 ? 0 : 1);
  return Math.min(Math.max(Math.trunc(ms), firstTime), lastTime);
}

/** PostgreSQL takes no NUL in a text; no id has one. */
function storable(id: string): boolean {
  return !id.includes("\0");
}
