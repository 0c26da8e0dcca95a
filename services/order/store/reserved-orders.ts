import { text } from "@ordermesh/runtime/store/column.ts";
import { inListParts } from "@ordermesh/runtime/store/in-list.ts";
import type { Sql } from "@ordermesh/runtime/store/sql.ts";
import { defaultProductName, orderOfReservation } from "./order-creation.ts";
import type { OrderWithLines } from "./order-row.ts";
import { type ReservationRow, readReservation } from "./reservation-store.ts";

/** An order that stands as its reservation only, because its message has not arrived yet. */
export interface ReservedOrder extends OrderWithLines {
  readonly reservation: ReservationRow;
  readonly productName: string;
}

/** The reservations of orders, by the order's id or by its id in its channel. */
export async function reservationsBy(
  sql: Sql,
  column: "order_id" | "external_order_id",
  values: readonly string[],
): Promise<readonly ReservationRow[]> {
  const found: ReservationRow[] = [];
  for (const { list, params } of inListParts(values)) {
    const rows = await sql.all(`select * from reservations where ${column} in ${list}`, params);
    for (const row of rows) found.push(readReservation(row));
  }
  return found;
}

/** What the orders of these reservations are until their rows stand. */
export async function reservedOrders(
  sql: Sql,
  reservations: readonly ReservationRow[],
): Promise<readonly ReservedOrder[]> {
  const names = await activityNames(sql, reservations);
  return reservations.map((reservation) => {
    const order = orderOfReservation(reservation);
    const productName = names.get(reservation.activityId) || defaultProductName(reservation.productId);
    const line = {
      number: reservation.lineNumber,
      productId: reservation.productId,
      productName,
      quantity: reservation.quantity,
      unitPrice: reservation.unitPrice,
      totalMinor: order.totalMinor,
      createdAt: order.createdAt,
      updatedAt: order.createdAt,
    };
    return { reservation, productName, order, lines: [line] };
  });
}

async function activityNames(sql: Sql, reservations: readonly ReservationRow[]): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  const ids = [...new Set(reservations.map(({ activityId }) => activityId))];
  for (const { list, params } of inListParts(ids)) {
    const rows = await sql.all(`select id, product_name from activities where id in ${list}`, params);
    for (const row of rows) names.set(text(row.id), text(row.product_name));
  }
  return names;
}
