import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
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
import type { Database, TransactOptions } from "@ordermesh/runtime/store/database.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import { orderErrors } from "../domain/order-errors.ts";
import { systemActor } from "../store/order-creation.ts";
import {
  countOrders,
  findOrder,
  listOrders,
  lookupOrder,
  type OrderFilter,
  type OrderTransitionRow,
  type OrderWithLines,
  orderHistory,
} from "../store/order-store.ts";
import { moveOrder } from "../store/order-transition.ts";
import { nextPageToken, readPageToken } from "../store/page-token.ts";
import { getDailyStats } from "./daily-stats.ts";
import { orderMessage, transitionMessage } from "./order-message.ts";

const defaultPageSize = 20;
const largestSkip = 2n ** 53n - 1n;

/** OrderService on the order database; `currency` is that of statistics which name none (default CNY). */
export function orderService(options: {
  readonly database: Database;
  readonly settings?: { readonly currency?: string };
}): ServiceBinding {
  const { database } = options;
  const currency = options.settings?.currency ?? "CNY";

  return bindService(OrderService, {
    async getOrder({ orderId }, context) {
      return { order: orderMessage(await readableOrder(database, orderId, context)) };
    },

    async lookupOrder({ channel, externalId }, context) {
      const found = storable(externalId) ? await lookupOrder(database.read, channel, externalId) : undefined;
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
      const order = await change(database, context, orderId, (uow) =>
        moveOrder(uow, { orderId, to: status, remark, actor: context.principal.id, expectedVersion }),
      );
      return { order };
    },

    async cancelOrder({ orderId, reason }, context) {
      const order = await change(database, context, orderId, async (uow, { order: { status } }) => {
        if (status === OrderStatus.COMPLETED) throw fail(orderErrors.ORDER_ALREADY_COMPLETED);
        const move = { orderId, to: OrderStatus.CANCELLED, remark: reason, actor: context.principal.id };
        if (!(await moveOrder(uow, move))) throw fail(orderErrors.ORDER_ALREADY_CANCELLED);
      });
      return { order };
    },

    async listOrderHistory({ orderId }, context) {
      const { order } = await readableOrder(database, orderId, context);
      const stored = await orderHistory(database.read, order.id);
      const rows = stored.length === 0 ? [creationOf(order)] : stored;
      return { transitions: rows.map(transitionMessage) };
    },

    getDailyStats: (request) => getDailyStats(database, request, currency),
  });
}

/** Changes an order that the caller may see, and answers how it is afterwards; one transaction. */
function change(
  database: Database,
  context: CallContext,
  orderId: string,
  work: (uow: UnitOfWork, before: OrderWithLines) => Promise<unknown>,
): Promise<Order> {
  const options: TransactOptions<Order> = {
    signal: context.signal,
    idempotency: {
      claim: context.idempotency,
      encode: (order) => toBinary(OrderSchema, order),
      decode: (stored) => fromBinary(OrderSchema, stored),
      replayed: () => context.responseHeader.set("idempotent-replayed", "true"),
    },
  };
  return database.transact(async (uow) => {
    await work(uow, owned(storable(orderId) ? await findOrder(uow, orderId) : undefined, context));
    return create(OrderSchema, orderMessage(owned(await findOrder(uow, orderId), context)));
  }, options);
}

async function readableOrder(database: Database, orderId: string, context: CallContext): Promise<OrderWithLines> {
  return owned(storable(orderId) ? await findOrder(database.read, orderId) : undefined, context);
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
