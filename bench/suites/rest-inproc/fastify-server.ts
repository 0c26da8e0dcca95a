// The same routes, rules and replies in fastify, as its users write it: schemas, and handlers that return plain objects.
import { Channel, OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import fastify from "fastify";
import { getOrder, listOrders, updateOrderStatus } from "./fastify-schemas.ts";
import { orders, ordersById, type StoredOrder } from "./orders.ts";

const app = fastify();

app.get<{ Params: { orderId: string } }>("/v1/orders/:orderId", { schema: getOrder }, async (request, reply) => {
  const order = ordersById.get(request.params.orderId);
  return order === undefined ? reply.callNotFound() : plain(order);
});

app.post<{ Params: { orderId: string }; Body: { status: string } }>(
  "/v1/orders/:orderId(^[^:]+)::updateStatus",
  { schema: updateOrderStatus },
  async (request, reply) => {
    const order = ordersById.get(request.params.orderId);
    return order === undefined ? reply.callNotFound() : { ...plain(order), status: request.body.status };
  },
);

app.get<{ Querystring: { pageSize: number } }>("/v1/orders", { schema: listOrders }, async (request) => ({
  orders: orders.slice(0, request.query.pageSize || 20).map(plain),
  nextPageToken: "",
}));

const url = await app.listen({ host: "127.0.0.1", port: 0 });
process.stdout.write(`ready ${url}\n`);

function plain({ order, lines }: StoredOrder) {
  return {
    orderId: order.id,
    number: String(order.number),
    channel: `CHANNEL_${Channel[order.channel]}`,
    externalId: order.externalId,
    buyerId: order.buyerId,
    status: `ORDER_STATUS_${OrderStatus[order.status]}`,
    total: { currency: order.currency, minorUnits: String(order.totalMinor) },
    lines: lines.map((line) => ({
      number: String(line.number),
      productId: line.productId,
      productName: line.productName,
      quantity: String(line.quantity),
      unitPrice: line.unitPrice,
      total: { currency: order.currency, minorUnits: String(line.totalMinor) },
      createdAt: timeText(line.createdAt),
      updatedAt: timeText(line.updatedAt),
    })),
    activityId: order.activityId,
    reservationId: order.reservationId,
    traceId: order.traceId,
    createdAt: timeText(order.createdAt),
    updatedAt: timeText(order.updatedAt),
    expiresAt: timeTextOrNone(order.expiresAt),
    paidAt: timeTextOrNone(order.paidAt),
    cancelledAt: timeTextOrNone(order.cancelledAt),
    completedAt: timeTextOrNone(order.completedAt),
    refundedAt: timeTextOrNone(order.refundedAt),
    expiredAt: timeTextOrNone(order.expiredAt),
    cancelReason: order.cancelReason,
    version: order.version,
  };
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

function timeTextOrNone(ms: number | null): string | undefined {
  return ms === null ? undefined : timeText(ms);
}
