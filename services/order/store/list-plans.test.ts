import { Channel, OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { insertRows } from "@ordermesh/runtime/store/insert.ts";
import type { Sql, SqlValue } from "@ordermesh/runtime/store/sql.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { openFresh } from "../../../test/support/open-database.ts";
import { orderMigrations } from "./migrations/index.ts";
import { listOrders, type OrderFilter } from "./order-store.ts";
import { insertTasks, listTasks, type TaskFilter } from "./order-task-store.ts";

const firstMs = Date.UTC(2026, 10, 1);
const rows = 10_000;
const buyers = 200;
const after = { createdAt: firstMs + 5_000_000, id: "ord_05000" };
/** One row in a hundred has status 2; for a common one the order of all rows serves as well. */
const statusOf = (index: number): number => (index % 100 === 0 ? 2 : 1);

const taskFilters: readonly (readonly [string, TaskFilter])[] = [
  ["order_tasks_user_created", { userName: "buyer7" }],
  // Either index that begins with the user will do: nearly all of these tasks have this status and this shop.
  ["order_tasks_user_", { userName: "buyer7", status: 1 }],
  ["order_tasks_", { userName: "buyer7", shopName: "shop" }],
  ["order_tasks_status_created", { status: 2 }],
  ["order_tasks_created", {}],
  ["order_tasks_created", { createdFrom: firstMs, createdBefore: firstMs + 6_000_000 }],
];
const orderFilters: readonly (readonly [string, OrderFilter])[] = [
  ["orders_buyer", { buyerId: "buyer7" }],
  ["orders_status_created", { status: OrderStatus.PAID }],
  ["orders_created", {}],
  ["orders_created", { createdFrom: firstMs, createdBefore: firstMs + 6_000_000 }],
];

describe.each(databaseKinds)("%s: a list in the order of an index", (kind) => {
  let database: Database;
  let dispose: () => Promise<void>;

  beforeAll(async () => {
    ({ database, dispose } = await openFresh(kind, orderMigrations));
    await database.transact(async (uow) => {
      const numbers = Array.from({ length: rows }, (_, index) => index);
      const time = (index: number) => uow.dialect.time(firstMs + index * 1000);
      await insertRows(
        uow,
        "orders",
        [
          ...["id", "number", "channel", "external_id", "buyer_id", "status", "currency", "total_minor", "activity_id"],
          ...["reservation_id", "trace_id", "cancel_reason", "version", "created_at", "updated_at"],
        ],
        numbers.map((index) => [
          ...[`ord_${String(index).padStart(5, "0")}`, index + 1, Channel.SECKILL, `X${index}`],
          ...[`buyer${index % buyers}`, statusOf(index), "CNY", 100n, "a", "", "", "", 1, time(index), time(index)],
        ]),
      );
      await insertRows(
        uow,
        "order_lines",
        [
          ...["number", "order_id", "product_id", "product_name", "quantity", "unit_price", "total_minor"],
          ...["created_at", "updated_at"],
        ],
        numbers.map((index) => [
          ...[
            index + 1,
            `ord_${String(index).padStart(5, "0")}`,
            "p",
            "Rice",
            1,
            "1.00",
            100n,
            time(index),
            time(index),
          ],
        ]),
      );
      await insertTasks(
        uow,
        numbers.map((index) => ({
          taskId: `task-${String(index).padStart(5, "0")}`,
          number: index + 1,
          userName: `buyer${index % buyers}`,
          shopName: "shop",
          productUrl: "https://shop.example.com/",
          productPrice: { currency: "CNY", minorUnits: 1n },
          productSku: "s",
          status: statusOf(index),
          createdAt: firstMs + index * 1000,
          updatedAt: firstMs + index * 1000,
          completedAt: undefined,
          version: 1,
        })),
      );
    });
    if (kind === "mysql") await database.read.all("analyze table orders, order_lines, order_tasks");
    else await database.read.run("analyze");
  });
  afterAll(() => dispose());

  /** How the database runs the statement that `list` sends: a line for each step. */
  async function planOf(list: (sql: Sql) => Promise<unknown>): Promise<string> {
    let asked: { sql: string; params: readonly SqlValue[] } | undefined;
    const record = async (sql: string, params: readonly SqlValue[] = []) => {
      asked = { sql, params };
      return [];
    };
    const recording: Sql = {
      ...database.read,
      ...{ all: record, values: record },
    };
    await list(recording);
    const { sql, params } = asked ?? expect.fail("nothing was asked");
    return await database.transact(async (uow) => {
      // PostgreSQL likes to sort a table as small as this one; now it does only where it must.
      if (kind === "postgres") await uow.run("set local enable_sort = off");
      // MySQL 9 shows a tree otherwise, without the names of the steps.
      const explain = { sqlite: "explain query plan", mysql: "explain format = traditional", postgres: "explain" }[
        kind
      ];
      const steps = await uow.all(`${explain} ${sql}`, params, { once: true });
      return steps.map((step) => Object.values(step).join(" ")).join("\n");
    });
  }

  const sorting = { sqlite: "TEMP B-TREE", mysql: "filesort", postgres: "Sort" }[kind];

  test.each(orderFilters)("orders: %s %o", async (index, filter) => {
    for (const page of [undefined, after]) {
      const plan = await planOf((sql) => listOrders(sql, filter, { after: page, skip: 0n, limit: 21 }));
      expect(plan).toContain(index);
      expect(plan).not.toContain(sorting);
    }
  });

  test.each(taskFilters)("tasks: %s %o", async (index, filter) => {
    for (const page of [undefined, { ...after, id: "task-05000" }]) {
      const plan = await planOf((sql) => listTasks(sql, filter, 21, page));
      expect(plan).toContain(index);
      expect(plan).not.toContain(sorting);
    }
  });

  const linesIndex = { sqlite: "order_lines_order", mysql: "ref PRIMARY PRIMARY", postgres: "order_lines_order" }[kind];

  test(`orders: the lines of each by ${linesIndex}`, async () => {
    const filter = { buyerId: "buyer7" };
    expect(await planOf((sql) => listOrders(sql, filter, { after: undefined, skip: 0n, limit: 21 }))).toContain(
      linesIndex,
    );
  });

  test("pages follow each other without a gap", async () => {
    const seen: string[] = [];
    for (let key: { createdAt: number; id: string } | undefined; ; ) {
      const page = await listOrders(database.read, { buyerId: "buyer7" }, { after: key, skip: 0n, limit: 7 });
      seen.push(...page.map(({ order }) => order.id));
      const last = page.at(-1)?.order;
      if (last === undefined) break;
      key = last;
    }
    const expected = Array.from({ length: rows / buyers }, (_, index) => index * buyers + 7);
    expect(seen).toEqual(expected.toReversed().map((index) => `ord_${String(index).padStart(5, "0")}`));
  });
});
