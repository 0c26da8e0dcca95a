import { text } from "@ordermesh/runtime/store/column.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { insertRows } from "@ordermesh/runtime/store/insert.ts";
import { type Migrator, migrator } from "@ordermesh/runtime/store/migrate.ts";
import { StoreError } from "@ordermesh/runtime/store/store-error.ts";
import { describe, expect, onTestFinished, test } from "vitest";
import { databaseKinds, freshDatabase } from "../../../../test/support/databases.ts";
import { openOn, quietLog } from "../../../../test/support/open-database.ts";
import { findTasks, insertTasks } from "../order-task-store.ts";
import { orderMigrations } from "./index.ts";

const newTask = {
  taskId: "task-1",
  number: 1,
  userName: "lin.hao",
  shopName: "North Grain Store",
  productUrl: "https://shop.example.com/item/7",
  productPrice: { currency: "CNY", minorUnits: 4990n },
  productSku: "SKU-7",
  status: 1,
  createdAt: Date.UTC(2026, 10, 21),
  updatedAt: Date.UTC(2026, 10, 21),
  completedAt: undefined,
  version: 1,
};

/** Every table as the database describes it: columns, keys, constraints and indexes, by table name. */
async function schemaOf({ read, dialect }: Database): Promise<ReadonlyMap<string, readonly string[]>> {
  const parts = new Map<string, string[]>();
  const add = (table: string, part: string) => parts.set(table, [...(parts.get(table) ?? []), part]);
  const queries = {
    sqlite: [
      "select tbl_name as t, sql as part from sqlite_schema where sql is not null and name not like 'sqlite\\_%' escape '\\'",
    ],
    postgres: [
      `select table_name as t, concat_ws(' ', ordinal_position, column_name, data_type, character_maximum_length,
         datetime_precision, collation_name, is_nullable, column_default, is_identity) as part
       from information_schema.columns where table_schema = current_schema()`,
      `select conrelid::regclass::text as t, conname || ' ' || pg_get_constraintdef(oid) as part
       from pg_constraint where connamespace = current_schema()::regnamespace and conrelid <> 0`,
      "select tablename as t, indexdef as part from pg_indexes where schemaname = current_schema()",
    ],
    mysql: [],
  }[dialect.name];
  for (const query of queries) {
    for (const row of await read.all(query)) add(text(row.t), text(row.part));
  }
  if (dialect.name === "mysql") {
    const tables = await read.all(
      "select table_name as t from information_schema.tables where table_schema = database()",
    );
    for (const row of tables) {
      const [created] = await read.all(`show create table ${text(row.t)}`);
      add(text(row.t), text(created?.["Create Table"]));
    }
  }
  for (const list of parts.values()) list.sort();
  return new Map([...parts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

describe.each(databaseKinds)("%s", (kind) => {
  async function openMigrated(): Promise<{ database: Database; migrations: Migrator }> {
    const fresh = await freshDatabase(kind);
    const database = await openOn(fresh, { service: "order" });
    onTestFinished(async () => {
      await database.close();
      await fresh.drop();
    });
    const migrations = migrator(database, orderMigrations, quietLog);
    await migrations.up();
    return { database, migrations };
  }

  test("down leaves no table of the order service but the shared ones", async () => {
    const { database, migrations } = await openMigrated();
    const shared = ["schema_migrations", ...Object.values(database.tables)].sort();
    expect([...(await schemaOf(database)).keys()]).not.toEqual(shared);
    await migrations.down(orderMigrations.length);
    expect([...(await schemaOf(database)).keys()]).toEqual(shared);
    await migrations.down();
    expect([...(await schemaOf(database)).keys()]).toEqual(["schema_migrations"]);
  });

  test("each migration down and up again gives the same schema", async () => {
    const { database, migrations } = await openMigrated();
    const first = await schemaOf(database);
    expect(first.get("orders")?.join("\n")).toContain("orders_buyer");
    for (let steps = 1; steps <= orderMigrations.length; steps++) {
      expect(await migrations.down(steps)).toHaveLength(steps);
      expect(await migrations.up()).toHaveLength(steps);
      expect(await schemaOf(database)).toEqual(first);
    }
  });

  test("rows are stored after down and up again", async () => {
    const { database, migrations } = await openMigrated();
    await database.transact((uow) => insertTasks(uow, [newTask]));
    await migrations.down(orderMigrations.length);
    await migrations.up();
    expect(await findTasks(database.read, [newTask.taskId])).toEqual(new Map());
    await database.transact((uow) => insertTasks(uow, [newTask]));
    expect([...(await findTasks(database.read, [newTask.taskId])).values()]).toMatchObject([newTask]);
  });

  test("lines outlive the change of their key, and their numbers stay unique", async () => {
    const { database, migrations } = await openMigrated();
    const columns = [
      ...["number", "order_id", "product_id", "product_name", "quantity", "unit_price", "total_minor"],
      ...["created_at", "updated_at"],
    ];
    const time = database.dialect.time(Date.UTC(2026, 10, 21));
    const insert = (number: number, orderId: string) =>
      database.transact((uow) =>
        insertRows(uow, "order_lines", columns, [[number, orderId, "p", "Rice", 1, "12.50", 1250, time, time]]),
      );
    await insert(1, "ord_b");
    await insert(2, "ord_a");
    const lines = () => database.read.all("select * from order_lines order by number");
    const stored = await lines();
    expect(stored).toHaveLength(2);
    const later = orderMigrations.findIndex(({ name }) => name === "0004-lines-by-order");
    for (const change of [() => migrations.down(orderMigrations.length - later), () => migrations.up()]) {
      await change();
      expect(await lines()).toEqual(stored);
      await expect(insert(1, "ord_c")).rejects.toThrow(StoreError);
    }
  });
});
