import type { Migration } from "@ordermesh/runtime/store/migration.ts";
import type { Sql } from "@ordermesh/runtime/store/sql.ts";

const indexes = [
  { name: "order_tasks_pair", columns: "user_key, shop_key, created_at" },
  { name: "order_tasks_user_status", columns: "user_key, status, created_at" },
];

/** Makes the indexes anew, last among those of their table, with `tail` behind their columns. */
async function rebuild(sql: Sql, tail: string): Promise<void> {
  if (sql.dialect.name === "mysql") {
    const changes = indexes.flatMap(({ name, columns }) => [
      `drop index ${name}`,
      `add index ${name} (${columns}${tail})`,
    ]);
    await sql.run(`alter table order_tasks ${changes.join(", ")}, algorithm = inplace, lock = none`);
    return;
  }
  for (const { name, columns } of indexes) {
    await sql.run(`drop index ${name}`);
    await sql.run(`create index ${name} on order_tasks (${columns}${tail})`);
  }
}

/**
 * A user's tasks by shop or status in the order of the list, to the last: no sorting of those of one millisecond. On
 * MySQL these two now stand behind the index of all tasks of a user: of indexes that it thinks equal it takes the
 * first, and sorted all of a user's tasks for a page of them.
 */
export const userLists: Migration = {
  name: "0005-user-lists",
  up: ({ sql }) => rebuild(sql, ", task_id"),
  down: ({ sql }) => rebuild(sql, ""),
};
