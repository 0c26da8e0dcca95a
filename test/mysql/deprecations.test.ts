import type { Database } from "@ordermesh/runtime/store/database.ts";
import type { Migration } from "@ordermesh/runtime/store/migration.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openFresh } from "../support/open-database.ts";

const things: Migration = {
  name: "0001-things",
  up: ({ types, createTable }) =>
    createTable("things", `id ${types.text(20)} not null primary key, amount ${types.int}`),
  down: async ({ sql }) => void (await sql.run("drop table things")),
};

let database: Database;
let dispose: () => Promise<void>;

beforeAll(async () => {
  ({ database, dispose } = await openFresh("mysql", [things]));
});
afterAll(() => dispose());

test.each([
  ["onDuplicateSkip", () => database.dialect.onDuplicateSkip("things", ["id"])],
  ["onDuplicateSet", () => database.dialect.onDuplicateSet(["id"], ["amount"])],
])("%s uses nothing that MySQL will remove", async (_name, tail) => {
  const warnings = await database.transact(async (uow) => {
    for (const amount of [1, 2])
      await uow.run(`insert into things (id, amount) values ('a', ?)${tail()}`, [amount], { once: true });
    return await uow.all("show warnings", [], { once: true });
  });
  expect(warnings).toEqual([]);
});
