import type { Migration } from "@ordermesh/runtime/store/migration.ts";

/** Activities, their stock and reservations; the order book, its history, daily stats and failures. */
export const orderBook: Migration = {
  name: "0002-order-book",

  async up({ sql, types, createTable }) {
    // `open_product` is the product id while the sale is open, else null: unique, so a product has one open sale.
    await createTable(
      "activities",
      `
      id ${types.text(80)} not null primary key,
      product_id ${types.text(64)} not null,
      product_name ${types.text(255)} not null,
      currency ${types.text(3)} not null,
      price_minor ${types.bigint} not null,
      total ${types.bigint} not null,
      free ${types.bigint} not null,
      reserved ${types.bigint} not null,
      sold ${types.bigint} not null,
      per_user_limit ${types.bigint} not null,
      starts_at ${types.time},
      ends_at ${types.time},
      state ${types.int} not null,
      open_product ${types.text(64)},
      opened_at ${types.time},
      closed_at ${types.time},
      label ${types.text(64)} not null,
      created_at ${types.time} not null,
      updated_at ${types.time} not null,
      constraint activities_stock check (free >= 0 and reserved >= 0 and sold >= 0 and free + reserved + sold = total),
      constraint activities_state check (state in (1, 2, 3))`,
    );
    await sql.run("create unique index activities_open_product on activities (open_product)");
    await sql.run("create index activities_sales on activities (product_id, opened_at)");
    await sql.run("create index activities_created on activities (created_at, id)");

    // One row for each order that holds or held stock. A message whose product never had a sale reserves under
    // `untracked:<product>`, which has no activity row and so no stock. `live` is 1 until release, then null: a buyer
    // has one live reservation in a sale, and a slot that was given back is free.
    await createTable(
      "reservations",
      `
      id ${types.text(64)} not null primary key,
      activity_id ${types.text(80)} not null,
      product_id ${types.text(64)} not null,
      buyer_id ${types.text(64)} not null,
      quantity ${types.bigint} not null,
      unit_price ${types.text(40)} not null,
      currency ${types.text(3)} not null,
      state ${types.int} not null,
      live ${types.int},
      order_id ${types.text(64)} not null,
      order_number ${types.bigint} not null,
      line_number ${types.bigint} not null,
      external_order_id ${types.text(64)} not null,
      trace_id ${types.text(64)} not null,
      created_at ${types.time} not null,
      expires_at ${types.time} not null,
      sold_at ${types.time},
      released_at ${types.time},
      constraint reservations_quantity check (quantity > 0),
      constraint reservations_state check ((state in (1, 2) and live = 1) or (state = 3 and live is null))`,
    );
    await sql.run("create unique index reservations_slot on reservations (activity_id, buyer_id, live)");
    await sql.run("create unique index reservations_order on reservations (order_id)");
    await sql.run("create unique index reservations_external on reservations (external_order_id)");
    await sql.run("create index reservations_expiry on reservations (state, expires_at)");

    await createTable(
      "orders",
      `
      id ${types.text(64)} not null primary key,
      number ${types.bigint} not null,
      channel ${types.int} not null,
      external_id ${types.text(64)} not null,
      buyer_id ${types.text(64)} not null,
      status ${types.int} not null,
      currency ${types.text(3)} not null,
      total_minor ${types.bigint} not null,
      activity_id ${types.text(80)} not null,
      reservation_id ${types.text(64)} not null,
      trace_id ${types.text(64)} not null,
      cancel_reason ${types.text(1000)} not null,
      version ${types.int} not null,
      created_at ${types.time} not null,
      updated_at ${types.time} not null,
      expires_at ${types.time},
      paid_at ${types.time},
      cancelled_at ${types.time},
      completed_at ${types.time},
      refunded_at ${types.time},
      expired_at ${types.time},
      constraint orders_total check (total_minor >= 0),
      constraint orders_status check (status between 1 and 9)`,
    );
    await sql.run("create unique index orders_number on orders (number)");
    await sql.run("create unique index orders_external on orders (channel, external_id)");
    await sql.run("create index orders_buyer on orders (buyer_id, created_at, id)");
    await sql.run("create index orders_created on orders (created_at, id)");
    await sql.run("create index orders_expiry on orders (status, expires_at)");
    await sql.run("create index orders_reservation on orders (reservation_id)");
    await sql.run("create index orders_activity on orders (activity_id)");

    await createTable(
      "order_lines",
      `
      number ${types.bigint} not null primary key,
      order_id ${types.text(64)} not null,
      product_id ${types.text(64)} not null,
      product_name ${types.text(255)} not null,
      quantity ${types.bigint} not null,
      unit_price ${types.text(40)} not null,
      total_minor ${types.bigint} not null,
      created_at ${types.time} not null,
      updated_at ${types.time} not null`,
    );
    await sql.run("create index order_lines_order on order_lines (order_id)");

    await createTable(
      "order_history",
      `
      order_id ${types.text(64)} not null,
      version ${types.int} not null,
      from_status ${types.int} not null,
      to_status ${types.int} not null,
      remark ${types.text(1000)} not null,
      actor ${types.text(100)} not null,
      changed_at ${types.time} not null,
      primary key (order_id, version)`,
    );

    await sql.run("create index order_history_changed on order_history (changed_at)");

    await createTable(
      "daily_stats",
      `
      day ${types.text(10)} not null,
      channel ${types.int} not null,
      currency ${types.text(3)} not null,
      number ${types.bigint} not null,
      total_orders ${types.bigint} not null,
      paid_orders ${types.bigint} not null,
      cancelled_orders ${types.bigint} not null,
      total_minor ${types.bigint} not null,
      created_at ${types.time} not null,
      updated_at ${types.time} not null,
      primary key (day, channel, currency)`,
    );

    // No foreign key to orders: the usual failure is an order that never came to be (contracts/minishop.md W5).
    await createTable(
      "failures",
      `
      number ${types.bigint} not null primary key,
      message_key ${types.text(200)} not null,
      external_order_id ${types.text(64)} not null,
      buyer_id ${types.text(64)} not null,
      product_id ${types.text(64)} not null,
      failure_type ${types.text(50)} not null,
      message_data ${types.blob} not null,
      message_headers ${types.longText} not null,
      stored_at ${types.time} not null,
      original_error ${types.text(1000)} not null,
      last_error ${types.text(1000)} not null,
      retry_count ${types.int} not null,
      max_retries ${types.int} not null,
      next_retry_at ${types.time},
      status ${types.int} not null,
      lease_owner ${types.text(64)} not null,
      lease_until ${types.time},
      created_at ${types.time} not null,
      updated_at ${types.time} not null,
      constraint failures_status check (status between 1 and 5)`,
    );
    await sql.run("create unique index failures_message on failures (message_key)");
    await sql.run("create index failures_due on failures (status, next_retry_at)");
    await sql.run("create index failures_created on failures (created_at, number)");

    await createTable(
      "failure_attempts",
      `
      failure_number ${types.bigint} not null,
      attempt ${types.int} not null,
      manual ${types.flag} not null,
      actor ${types.text(100)} not null,
      succeeded ${types.flag} not null,
      error ${types.text(1000)} not null,
      started_at ${types.time} not null,
      primary key (failure_number, attempt)`,
    );
    await sql.run("create index failure_attempts_started on failure_attempts (started_at)");
  },

  async down({ sql }) {
    const tables = [
      "failure_attempts",
      "failures",
      "daily_stats",
      "order_history",
      "order_lines",
      "orders",
      "reservations",
      "activities",
    ];
    for (const table of tables) await sql.run(`drop table ${table}`);
  },
};
