import { describe, expect, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { openForTest } from "../../../test/support/open-database.ts";
import { integer } from "./column.ts";
import { insertRows } from "./insert.ts";
import type { Migration } from "./migration.ts";

const rowsTable: Migration = {
  name: "0001-rows",
  up: ({ types, createTable }) =>
    createTable(
      "many",
      `id ${types.bigint} not null primary key,
       a ${types.text(100)},
       b ${types.bigint},
       data ${types.blob},
       at ${types.time} not null`,
    ),
  down: async ({ sql }) => void (await sql.run("drop table many")),
};

describe.each(databaseKinds)("%s", (kind) => {
  test("inserts more rows and bytes than one statement takes", async () => {
    const { database } = await openForTest(kind, [rowsTable]);
    const { now } = database.dialect;
    const columns = ["id", "a", "b", "data", { name: "at", expression: now }];
    const many = Array.from({ length: 9000 }, (_, id) => [id, `a'${id}\\`, null, new Uint8Array([id & 255])]);
    const large = Array.from({ length: 12 }, (_, id) => [
      10_000 + id,
      null,
      9007199254740993n,
      new Uint8Array(1024 * 1024),
    ]);
    const affected = await database.transact(
      async (uow) => (await insertRows(uow, "many", columns, many)) + (await insertRows(uow, "many", columns, large)),
    );
    expect(affected).toBe(9012);
    const [row] = await database.read.all("select count(*) as n, max(length(data)) as longest from many");
    expect([integer(row?.n), integer(row?.longest)]).toEqual([9012, 1024 * 1024]);
    const [one] = await database.read.all("select a from many where id = 8999");
    expect(one?.a).toBe("a'8999\\");
  });

  test("inserts nothing of no rows", async () => {
    const { database } = await openForTest(kind, [rowsTable]);
    expect(await insertRows(database.read, "many", ["id"], [])).toBe(0);
  });

  test("counts only the rows that were not there", async () => {
    const { database } = await openForTest(kind, [rowsTable]);
    const columns = ["id", { name: "at", expression: database.dialect.now }];
    const tail = database.dialect.onDuplicateSkip("many", ["id"]);
    expect(await insertRows(database.read, "many", columns, [[1], [2]], tail)).toBe(2);
    expect(await insertRows(database.read, "many", columns, [[2], [3], [4]], tail)).toBe(2);
  });
});
