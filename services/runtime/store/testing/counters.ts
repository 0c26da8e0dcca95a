import { ConnectError } from "@connectrpc/connect";
import { reasonOf } from "../../errors/inspect.ts";
import { integer } from "../column.ts";
import type { Database } from "../database.ts";
import type { Migration } from "../migration.ts";

/** Three numbers to be changed by transactions. */
export const counters: Migration = {
  name: "0001-counters",
  up: async ({ sql, types, createTable }) => {
    await createTable("counters", `id ${types.text(20)} not null primary key,\n value ${types.bigint} not null`);
    await sql.run("insert into counters (id, value) values ('a', 0), ('b', 0), ('c', 0)");
  },
  down: async ({ sql }) => void (await sql.run("drop table counters")),
};

export const add = "update counters set value = value + ? where id = ?";

export async function counterOf(database: Database, id = "a"): Promise<number> {
  const [row] = await database.read.all("select value from counters where id = ?", [id]);
  return integer(row?.value);
}

export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

export async function reason(promise: Promise<unknown>): Promise<string | undefined> {
  const error = await errorOf(promise);
  if (error instanceof ConnectError) return reasonOf(error);
  throw new Error(`expected a ConnectError, got ${error}`);
}
