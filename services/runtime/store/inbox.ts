import { createHash, randomBytes } from "node:crypto";
import { text } from "./column.ts";
import { inListParts } from "./in-list.ts";
import { insertRows } from "./insert.ts";
import { longestName } from "./shared-tables.ts";
import type { Sql } from "./sql.ts";

/** Marks messages as handled by `consumer` in the inbox `table`; returns those that were not before. */
export async function markHandled(
  sql: Sql,
  table: string,
  consumer: string,
  messageIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const ids = new Map(messageIds.map((id) => [storedId(id), id]));
  // Tells the rows of this transaction from those that were there, on databases without RETURNING.
  const unit = randomBytes(8).readBigInt64BE();
  // In one order everywhere, so that two transactions with the same ids wait for each other and do not deadlock.
  const rows = [...ids.keys()].sort().map((id) => [consumer, id, unit]);
  const inserted = await insertRows(
    sql,
    table,
    ["consumer", "message_id", "unit", { name: "handled_at", expression: sql.dialect.now }],
    rows,
    sql.dialect.onDuplicateSkip(table, ["consumer", "message_id"]),
  );
  if (inserted === ids.size) return new Set(ids.values());
  const fresh = new Set<string>();
  for (const { list, params } of inListParts([...ids.keys()])) {
    const statement = `select message_id from ${table} where consumer = ? and message_id in ${list} and unit = ?`;
    for (const row of await sql.all(statement, [consumer, ...params, unit])) {
      const id = ids.get(text(row.message_id));
      if (id !== undefined) fresh.add(id);
    }
  }
  return fresh;
}

/** Ids of foreign publishers have any length; a long one is kept as its digest. */
function storedId(id: string): string {
  return id.length <= longestName ? id : `sha256:${createHash("sha256").update(id).digest("hex")}`;
}
