import type { Migration } from "@ordermesh/runtime/store/migration.ts";

/** One statement rebuilds the table while it is read and written. */
const online = "algorithm = inplace, lock = none";

/**
 * The lines of an order side by side on MySQL, which keeps rows in the order of their primary key: a list found each
 * line through an index of its own and then in another page. The other databases keep rows in the order they come in,
 * where the lines of an order are neighbours already.
 */
export const linesByOrder: Migration = {
  name: "0004-lines-by-order",

  async up({ sql, dialect }) {
    if (dialect.name !== "mysql") return;
    await sql.run(`alter table order_lines drop primary key, add primary key (order_id, number),
      add unique index order_lines_number (number), drop index order_lines_order, ${online}`);
  },

  async down({ sql, dialect }) {
    if (dialect.name !== "mysql") return;
    await sql.run(`alter table order_lines drop primary key, add primary key (number),
      add index order_lines_order (order_id), drop index order_lines_number, ${online}`);
  },
};
