import type { Migration } from "@ordermesh/runtime/store/migration.ts";

/** Lists by status, newest first: without these a rare status reads the whole table. */
export const listIndexes: Migration = {
  name: "0003-list-indexes",

  async up({ sql }) {
    await sql.run("create index orders_status_created on orders (status, created_at, id)");
    await sql.run("create index order_tasks_status_created on order_tasks (status, created_at, task_id)");
  },

  async down({ sql, dialect }) {
    const of = (table: string): string => (dialect.name === "mysql" ? ` on ${table}` : "");
    await sql.run(`drop index order_tasks_status_created${of("order_tasks")}`);
    await sql.run(`drop index orders_status_created${of("orders")}`);
  },
};
