import { arrayLiteral } from "./array-literal.ts";
import { text } from "./column.ts";
import type { InsertColumn } from "./insert.ts";
import type { Dialect, Sql, SqlValue } from "./sql.ts";

/** Types of each table's columns, by database. A column keeps its type as long as a process runs. */
const knownTypes = new WeakMap<Dialect, Map<string, ReadonlyMap<string, string>>>();

/**
 * Inserts rows on PostgreSQL: an array for each column, so that the statement is the same for any number of rows,
 * prepared once, with a handful of parameters to read. Returns the rows affected.
 */
export async function insertArrays(
  sql: Sql,
  table: string,
  columns: readonly InsertColumn[],
  rows: readonly (readonly SqlValue[])[],
  tail: string,
): Promise<number> {
  const types = await columnTypes(sql, table);
  const names: string[] = [];
  const values: string[] = [];
  const arrays: string[] = [];
  const params: string[] = [];
  for (const column of columns) {
    const { name, expression = undefined } = typeof column === "string" ? { name: column } : column;
    names.push(name);
    if (expression !== undefined) {
      values.push(expression);
      continue;
    }
    const at = params.length;
    values.push(`v${at}`);
    // Without the column's length: a cast to varchar(10) cuts, only the assignment to such a column refuses.
    arrays.push(`?::${types.get(name) ?? "text"}[]`);
    params.push(arrayLiteral(rows.map((row) => row[at] ?? null)));
  }
  const aliases = params.map((_, at) => `v${at}`).join(", ");
  const statement = `insert into ${table} (${names.join(", ")})
    select ${values.join(", ")} from unnest(${arrays.join(", ")}) as r (${aliases})${tail}`;
  return (await sql.run(statement, params)).affected;
}

async function columnTypes(sql: Sql, table: string): Promise<ReadonlyMap<string, string>> {
  const tables = knownTypes.get(sql.dialect) ?? new Map<string, ReadonlyMap<string, string>>();
  knownTypes.set(sql.dialect, tables);
  const known = tables.get(table);
  if (known !== undefined) return known;
  const rows = await sql.all(
    `select attname as name, format_type(atttypid, null) as type from pg_attribute
     where attrelid = to_regclass(?) and attnum > 0 and not attisdropped`,
    [table],
  );
  const types = new Map(rows.map(({ name, type }) => [text(name), text(type)]));
  // A table that is not there may be made later.
  if (types.size > 0) tables.set(table, types);
  return types;
}
