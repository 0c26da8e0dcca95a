import type { MessageInitShape } from "@bufbuild/protobuf";
import type { OrderItemSchema, OrderSchema } from "@ordermesh/proto/compat/minishop/v1/order_pb";
import type { Order, OrderLine } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { numberOfId } from "./legacy-number.ts";
import { majorUnits, roundedPrice } from "./money.ts";
import { orderStatusWord } from "./status-words.ts";

/** An order with exactly the keys of 1.2; an old order has one product, that of its first line. */
export function orderView(order: Order, surfaceCurrency: string): MessageInitShape<typeof OrderSchema> {
  const currency = order.total?.currency ?? surfaceCurrency;
  const [line] = order.lines;
  return {
    id: order.number,
    orderId: order.externalId,
    userId: numberOfId(order.buyerId),
    productId: numberOfId(line?.productId ?? ""),
    productName: line?.productName ?? "",
    quantity: line?.quantity ?? 0n,
    price: roundedPrice(line?.unitPrice ?? "", currency),
    totalAmount: majorUnits(order.total),
    status: orderStatusWord(order.status),
    orderType: "seckill",
    traceId: order.traceId,
    createdAt: order.createdAt,
    updatedAt: order.updatedAt,
    expiredAt: order.expiresAt,
    paidAt: order.paidAt,
    cancelledAt: order.cancelledAt,
    orderItems: order.lines.map((one) => itemView(one, order.externalId, currency)),
  };
}

function itemView(line: OrderLine, orderId: string, currency: string): MessageInitShape<typeof OrderItemSchema> {
  return {
    id: line.number,
    orderId,
    productId: numberOfId(line.productId),
    productName: line.productName,
    quantity: line.quantity,
    price: roundedPrice(line.unitPrice, currency),
    totalAmount: majorUnits(line.total),
    createdAt: line.createdAt,
    updatedAt: line.updatedAt,
  };
}
