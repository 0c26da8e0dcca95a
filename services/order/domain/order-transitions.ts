import { OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";

const { PENDING, PAID, SHIPPED, DELIVERED, COMPLETED, CANCELLED, EXPIRED, REFUNDED, FAILED } = OrderStatus;

/** The one table of moves of an order; what is not in it is terminal. */
const transitions: ReadonlyMap<OrderStatus, readonly OrderStatus[]> = new Map([
  [PENDING, [PAID, CANCELLED, EXPIRED, FAILED]],
  [PAID, [SHIPPED, COMPLETED, REFUNDED, CANCELLED]],
  [SHIPPED, [DELIVERED, COMPLETED, REFUNDED]],
  [DELIVERED, [COMPLETED, REFUNDED]],
  [COMPLETED, [REFUNDED]],
]);

/** Statuses that flash-sale orders know (docs/contracts/minishop.md 3.3); goods are not shipped by this channel. */
const seckillStatuses: ReadonlySet<OrderStatus> = new Set([
  PENDING,
  PAID,
  COMPLETED,
  CANCELLED,
  EXPIRED,
  REFUNDED,
  FAILED,
]);

/** True when an order of a flash sale may move so. The same status again is not a move. */
export function maySeckillOrderMove(from: OrderStatus, to: OrderStatus): boolean {
  return seckillStatuses.has(to) && mayOrderMove(from, to);
}

/** True when the table has the move. */
export function mayOrderMove(from: OrderStatus, to: OrderStatus): boolean {
  return transitions.get(from)?.includes(to) ?? false;
}

/** What a move does to the stock that the order holds. */
export function stockEffect(from: OrderStatus, to: OrderStatus): "sell" | "release" | "none" {
  if (to === PAID) return "sell";
  if (to === CANCELLED || to === EXPIRED || to === FAILED) return "release";
  // A refund of goods that were handed over brings no unit back; of a paid flash-sale order it does.
  if (to === REFUNDED && from === PAID) return "release";
  return "none";
}
