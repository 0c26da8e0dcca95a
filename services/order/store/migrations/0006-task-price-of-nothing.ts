import type { Migration } from "@ordermesh/runtime/store/migration.ts";
import type { Sql } from "@ordermesh/runtime/store/sql.ts";

/** Lets prices be `least` and above: a CHECK of a column is changed in four ways on four databases. */
async function setLeastPrice(sql: Sql, least: 0 | 1): Promise<void> {
  const { dialect } = sql;
  const check = `check (price_minor between ${least} and 9999999999)`;
  const table = "alter table order_tasks";
  if (dialect.name === "postgres") {
    const name = "order_tasks_price_minor_check";
    await sql.run(`${table} drop constraint ${name}, add constraint ${name} ${check}`);
  } else if (dialect.name === "mysql" && dialect.product === "mariadb") {
    await sql.run(`${table} modify price_minor bigint not null ${check}`);
  } else if (dialect.name === "mysql") {
    // The name that MySQL gave to the table's first one.
    await sql.run(`${table} drop check order_tasks_chk_1, add constraint order_tasks_chk_1 ${check}`);
  } else {
    await sql.run(`${table} rename column price_minor to price_minor_before`);
    await sql.run(`${table} add column price_minor integer not null default ${least} ${check}`);
    await sql.run("update order_tasks set price_minor = price_minor_before");
    await sql.run(`${table} drop column price_minor_before`);
  }
}

/** A legacy price above 0 may round to 0.00 (docs/contracts/ordertracker.md 1.2); up to here none could be stored. */
export const taskPriceOfNothing: Migration = {
  name: "0006-task-price-of-nothing",
  up: ({ sql }) => setLeastPrice(sql, 0),
  down: async ({ sql }) => {
    await sql.run("update order_tasks set price_minor = 1 where price_minor = 0");
    await setLeastPrice(sql, 1);
  },
};
