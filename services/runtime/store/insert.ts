import { insertArrays } from "./insert-arrays.ts";
import type { Sql, SqlValue } from "./sql.ts";

/** A column that takes its value from the row, or one whose value is the same SQL expression in every row. */
export type InsertColumn = string | { readonly name: string; readonly expression: string };

/**
 * Texts for up to so many rows come again and again; a larger batch hardly ever has the same size twice. SQLite gets no
 * larger ones: there a statement more costs no round trip, and preparing a long text costs more than its rows.
 */
const mostPreparedRows = 8;

/** SQLite takes 32766. */
const mostParameters = 30_000;
const mostRows = 1000;
/** Well below MySQL's and MariaDB's smallest default of max_allowed_packet (16 MiB). */
const mostBytes = 4 * 1024 * 1024;

/**
 * Inserts many rows in as few statements as the databases' limits allow; `tail` is a dialect's onDuplicate clause.
 * Returns the rows affected, as `Sql.run` counts them. Each row has a value for every column without an expression.
 */
export async function insertRows(
  sql: Sql,
  table: string,
  columns: readonly InsertColumn[],
  rows: readonly (readonly SqlValue[])[],
  tail = "",
): Promise<number> {
  const arrays = sql.dialect.name === "postgres" && rows.length > 1;
  const names = columns.map((column) => (typeof column === "string" ? column : column.name)).join(", ");
  const tuple = `(${columns.map((column) => (typeof column === "string" ? "?" : column.expression)).join(", ")})`;
  let affected = 0;
  for (const chunk of chunks(rows, sql.dialect.name === "sqlite" ? mostPreparedRows : mostRows)) {
    if (arrays) {
      affected += await insertArrays(sql, table, columns, chunk, tail);
      continue;
    }
    const values = chunk.length === 1 ? tuple : `${tuple}, `.repeat(chunk.length - 1) + tuple;
    const statement = `insert into ${table} (${names}) values ${values}${tail}`;
    affected += (await sql.run(statement, chunk.flat(), { once: chunk.length > mostPreparedRows })).affected;
  }
  return affected;
}

function* chunks(rows: readonly (readonly SqlValue[])[], most: number): Generator<readonly (readonly SqlValue[])[]> {
  let start = 0;
  let parameters = 0;
  let bytes = 0;
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] ?? [];
    const size = sizeOf(row);
    const full = parameters + row.length > mostParameters || index - start >= most || bytes + size > mostBytes;
    if (full && index > start) {
      yield rows.slice(start, index);
      start = index;
      parameters = 0;
      bytes = 0;
    }
    parameters += row.length;
    bytes += size;
  }
  if (start < rows.length) yield start === 0 ? rows : rows.slice(start);
}

/** At most this many bytes on the wire, roughly: hexadecimal doubles bytes, UTF-8 may triple a text's length. */
function sizeOf(row: readonly SqlValue[]): number {
  let size = 0;
  for (const value of row) {
    if (typeof value === "string") size += value.length * 3;
    else size += value instanceof Uint8Array ? value.length * 2 : 20;
  }
  return size;
}
