import { Channel, OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import { orderErrors } from "../domain/order-errors.ts";
import { orderStatusChanged } from "../domain/order-events.ts";
import { mayOrderMove, maySeckillOrderMove, stockEffect } from "../domain/order-transitions.ts";
import { countTransition, utcDay } from "./daily-stats.ts";
import { createOrders, productNameOf } from "./order-creation.ts";
import { lockOrder, type OrderRow } from "./order-store.ts";
import { readReservation } from "./reservation-store.ts";
import { moveReservations } from "./stock.ts";

export interface OrderMove {
  readonly orderId: string;
  readonly to: OrderStatus;
  /** Kept in the history; of a cancelled order also as its reason. */
  readonly remark: string;
  /** A principal's id, or `system`. */
  readonly actor: string;
  readonly expectedVersion?: number | undefined;
}

/** The timestamp that a status sets, and none but it (docs/contracts/minishop.md 3.3). */
const timeColumns: ReadonlyMap<OrderStatus, string> = new Map([
  [OrderStatus.PAID, "paid_at"],
  [OrderStatus.CANCELLED, "cancelled_at"],
  [OrderStatus.COMPLETED, "completed_at"],
  [OrderStatus.REFUNDED, "refunded_at"],
  [OrderStatus.EXPIRED, "expired_at"],
]);

/**
 * Moves an order, with its history, statistics, event and stock, in the caller's transaction. An order that stands as
 * a reservation only is made first. Returns whether it moved: the same status again changes nothing.
 * Throws ORDER_NOT_FOUND, ORDER_VERSION_MISMATCH, ILLEGAL_TRANSITION.
 */
export async function moveOrder(uow: UnitOfWork, move: OrderMove): Promise<boolean> {
  const order = await standingOrder(uow, move.orderId);
  if (order === undefined) throw fail(orderErrors.ORDER_NOT_FOUND);
  const { status: from, version } = order;
  const { to, actor, remark } = move;
  if (move.expectedVersion !== undefined && move.expectedVersion !== version) {
    throw fail(orderErrors.ORDER_VERSION_MISMATCH, { metadata: { version: String(version) } });
  }
  if (from === to) return false;
  if (!mayMove(order, to)) {
    throw fail(orderErrors.ILLEGAL_TRANSITION, { metadata: { from: OrderStatus[from], to: OrderStatus[to] } });
  }

  const changedAt = await uow.now();
  const at = uow.dialect.time(changedAt);
  const own = timeColumns.get(to);
  const sets = ["status = ?", "version = version + 1", "updated_at = ?"];
  const params: (string | number)[] = [to, at];
  if (own !== undefined) {
    sets.push(`${own} = ?`);
    params.push(at);
  }
  if (to === OrderStatus.CANCELLED) {
    sets.push("cancel_reason = ?");
    params.push(remark);
  }
  const { affected } = await uow.run(
    `update orders set ${sets.join(", ")} where id = ? and status = ? and version = ?`,
    [...params, order.id, from, version],
  );
  // The row is locked, so this is a second guard and never the caller's fault.
  if (affected !== 1) throw fail("CONFLICT");
  await uow.run(
    "insert into order_history (order_id, version, from_status, to_status, remark, actor, changed_at) values (?, ?, ?, ?, ?, ?, ?)",
    [order.id, version + 1, from, to, remark, actor.slice(0, 100), at],
  );
  uow.emit(orderStatusChanged(order, { from, to, version: version + 1, changedAt }));
  const { channel, currency } = order;
  const effect = stockEffect(from, to);
  if (effect !== "none" && order.reservationId !== "") await moveReservations(uow, [order.reservationId], effect);
  await countTransition(uow, { day: utcDay(changedAt), channel, currency, status: to });
  return true;
}

function mayMove({ channel, status }: OrderRow, to: OrderStatus): boolean {
  return channel === Channel.SECKILL ? maySeckillOrderMove(status, to) : mayOrderMove(status, to);
}

/** The order's row, locked; made from its reservation where the message has not arrived yet. */
async function standingOrder(uow: UnitOfWork, orderId: string): Promise<OrderRow | undefined> {
  const order = await lockOrder(uow, orderId);
  if (order !== undefined) return order;
  const statement = `select * from reservations where order_id = ?${uow.dialect.forUpdate}`;
  const [row] = await uow.all(statement, [orderId]);
  if (row === undefined) return undefined;
  // The consumer may have made it while this waited for the lock.
  const made = await lockOrder(uow, orderId);
  if (made !== undefined) return made;
  const reservation = readReservation(row);
  await createOrders(uow, [{ reservation, productName: await productNameOf(uow, reservation) }]);
  return await lockOrder(uow, orderId);
}
