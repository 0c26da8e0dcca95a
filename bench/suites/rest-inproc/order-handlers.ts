import { orderMessage } from "@ordermesh/order/rpc/order-message.ts";
import type { OrderService } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { ServiceHandlers } from "@ordermesh/runtime/rpc/service.ts";
import { orders, ordersById } from "./orders.ts";

async function unused(): Promise<never> {
  throw fail("UNIMPLEMENTED");
}

/** Handlers without I/O that make their messages as the order service does; those of methods that nobody measures refuse. */
export const orderHandlers: ServiceHandlers<typeof OrderService> = {
  getOrder: async ({ orderId }) => ({ order: orderMessage(find(orderId)) }),
  updateOrderStatus: async ({ orderId, status }) => ({ order: { ...orderMessage(find(orderId)), status } }),
  listOrders: async ({ pageSize }) => ({ orders: orders.slice(0, pageSize || 20).map(orderMessage) }),
  lookupOrder: unused,
  cancelOrder: unused,
  listOrderHistory: unused,
  getDailyStats: unused,
};

function find(id: string) {
  const order = ordersById.get(id);
  if (order === undefined) throw fail("NOT_FOUND");
  return order;
}
