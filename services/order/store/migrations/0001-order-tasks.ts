import type { Migration } from "@ordermesh/runtime/store/migration.ts";

/**
 * Order tasks, the limiter rows of the 24 hour rule and the history of changes (contracts/ordertracker.md 2.3, 3.3).
 * `user_key` and `shop_key` are the normalised names that the rule compares.
 */
export const orderTasks: Migration = {
  name: "0001-order-tasks",
  up: async ({ sql, types, createTable }) => {
    await createTable(
      "order_tasks",
      `task_id ${types.text(36)} not null primary key,
       number ${types.bigint} not null,
       user_name ${types.text(100)} not null,
       shop_name ${types.text(200)} not null,
       user_key ${types.text(200)} not null,
       shop_key ${types.text(400)} not null,
       product_url ${types.longText} not null,
       price_currency ${types.text(3)} not null,
       price_minor ${types.bigint} not null check (price_minor between 1 and 9999999999),
       product_sku ${types.text(100)} not null,
       status ${types.int} not null default 1 check (status in (1, 2, 3)),
       shop_order_id ${types.text(100)},
       alipay_trade_no ${types.text(100)},
       receiver_name ${types.text(100)},
       receiver_address ${types.text(500)},
       receiver_phone ${types.text(20)},
       error_message ${types.longText},
       created_at ${types.time} not null,
       updated_at ${types.time} not null,
       completed_at ${types.time},
       version ${types.int} not null default 1`,
    );
    await sql.run("create unique index order_tasks_number on order_tasks (number)");
    await sql.run("create index order_tasks_pair on order_tasks (user_key, shop_key, created_at)");
    await sql.run("create index order_tasks_user_status on order_tasks (user_key, status, created_at)");
    await sql.run("create index order_tasks_user_created on order_tasks (user_key, created_at, task_id)");
    await sql.run("create index order_tasks_created on order_tasks (created_at, task_id)");
    await createTable(
      "order_limits",
      `user_key ${types.text(200)} not null,
       shop_key ${types.text(400)} not null,
       task_id ${types.text(36)} not null,
       last_at ${types.time} not null,
       primary key (user_key, shop_key)`,
    );
    await sql.run("create index order_limits_last_at on order_limits (last_at)");
    await createTable(
      "order_task_history",
      `task_id ${types.text(36)} not null,
       version ${types.int} not null,
       from_status ${types.int} not null check (from_status between 0 and 3),
       to_status ${types.int} not null check (to_status between 1 and 3),
       changed_fields ${types.text(200)} not null,
       automatic ${types.flag} not null,
       actor ${types.text(255)} not null,
       changed_at ${types.time} not null,
       primary key (task_id, version)`,
    );
    await sql.run("create index order_task_history_changed_at on order_task_history (changed_at)");
  },
  down: async ({ sql }) => {
    for (const table of ["order_task_history", "order_limits", "order_tasks"]) await sql.run(`drop table ${table}`);
  },
};
