import { text } from "@ordermesh/runtime/store/column.ts";
import { inListParts } from "@ordermesh/runtime/store/in-list.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import type { OrderWithLines } from "./order-row.ts";
import { ordersById } from "./order-store.ts";
import { type ReservationRow, readReservation } from "./reservation-store.ts";
import { type ReservedOrder, reservedOrders } from "./reserved-orders.ts";

/**
 * The orders of these ids by id, locked to the end of the transaction; one that stands as its reservation only is
 * locked by that. Locks orders first and reservations after them, each in the order of their ids.
 */
export async function lockOrders(
  uow: UnitOfWork,
  ids: readonly string[],
): Promise<ReadonlyMap<string, OrderWithLines | ReservedOrder>> {
  const wanted = [...new Set(ids)].sort();
  const locked = await lockRows(uow, wanted);
  const missing = wanted.filter((id) => !locked.has(id));
  const reservations = await lockReservations(uow, missing);
  // The consumer may have made them while this waited for the locks.
  const made = await lockRows(
    uow,
    reservations.map(({ orderId }) => orderId),
  );
  const orders = new Map<string, OrderWithLines | ReservedOrder>(await ordersById(uow, [...locked, ...made]));
  const unmade = reservations.filter(({ orderId }) => !made.has(orderId));
  for (const reserved of await reservedOrders(uow, unmade)) orders.set(reserved.order.id, reserved);
  return orders;
}

/** Which of the ids have a row, now locked. */
async function lockRows(uow: UnitOfWork, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const locked = new Set<string>();
  for (const { list, params } of inListParts(ids)) {
    const statement = `select id from orders where id in ${list} order by id${uow.dialect.forUpdate}`;
    for (const row of await uow.all(statement, params)) locked.add(text(row.id));
  }
  return locked;
}

async function lockReservations(uow: UnitOfWork, orderIds: readonly string[]): Promise<readonly ReservationRow[]> {
  const locked: ReservationRow[] = [];
  for (const { list, params } of inListParts(orderIds)) {
    const statement = `select * from reservations where order_id in ${list} order by id${uow.dialect.forUpdate}`;
    for (const row of await uow.all(statement, params)) locked.push(readReservation(row));
  }
  return locked;
}
