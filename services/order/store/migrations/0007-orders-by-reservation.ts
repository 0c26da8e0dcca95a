import type { Migration } from "@ordermesh/runtime/store/migration.ts";

const indexes = [
  { name: "orders_reservation", column: "reservation_id" },
  { name: "orders_activity", column: "activity_id" },
];

/**
 * Orders without the two indexes that only rare questions used: a flash-sale order and its reservation know each other
 * by the order's id, and a reservation knows its activity. Every order made pays for every index.
 */
export const ordersByReservation: Migration = {
  name: "0007-orders-by-reservation",

  async up({ sql, dialect }) {
    const of = dialect.name === "mysql" ? " on orders" : "";
    for (const { name } of indexes) await sql.run(`drop index ${name}${of}`);
  },

  async down({ sql }) {
    for (const { name, column } of indexes) await sql.run(`create index ${name} on orders (${column})`);
  },
};
