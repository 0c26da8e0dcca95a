import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import pg from "pg";
import type { Place } from "./order-store.ts";

/** Rows of one table as their driver takes them. */
export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** The bare driver of a database, without anything of ours. */
export interface PlainClient {
  run(sql: string): Promise<void>;
  /** In the order of the numbers that the service gave out. */
  read(table: string, orderBy: string, without: readonly string[]): Promise<Table>;
  insert(table: string, columns: readonly string[], rows: readonly (readonly unknown[])[]): Promise<void>;
  close(): Promise<void>;
}

export function connect(place: Place): Promise<PlainClient> {
  if (place.url === undefined) return connectSqlite(join(place.directory, "order.sqlite"));
  return place.url.startsWith("mysql") ? connectMysql(place.url) : connectPostgres(place.url);
}

async function connectMysql(uri: string): Promise<PlainClient> {
  // Everything as text: what is read can be written again as it is.
  const connection = await createConnection({
    uri,
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    timezone: "Z",
  });
  return {
    run: async (sql) => void (await connection.query(sql)),
    read: async (table, orderBy, without) => {
      const [rows] = await connection.query<RowDataPacket[]>(`select * from ${table} order by ${orderBy}`);
      return tableOf(table, rows, without);
    },
    insert: async (table, columns, rows) =>
      void (await connection.query(`insert into ${table} (${columns.join(", ")}) values ?`, [rows])),
    close: () => connection.end(),
  };
}

const byteaOid = 17;

async function connectPostgres(connectionString: string): Promise<PlainClient> {
  const types = {
    getTypeParser: (oid: number) => (text: string) => (oid === byteaOid ? Buffer.from(text.slice(2), "hex") : text),
  } as pg.CustomTypesConfig;
  const client = new pg.Client({ connectionString, types });
  // A server that goes away at the end of a run is no event worth a process.
  client.on("error", () => undefined);
  await client.connect();
  return {
    run: async (sql) => void (await client.query(sql)),
    read: async (table, orderBy, without) => {
      const { rows } = await client.query(`select * from ${table} order by ${orderBy}`);
      return tableOf(table, rows, without);
    },
    insert: async (table, columns, rows) => {
      let parameter = 0;
      const tuples = rows.map((row) => `(${row.map(() => `$${++parameter}`).join(", ")})`).join(", ");
      const name = `${table} ${rows.length}`;
      await client.query({
        name,
        text: `insert into ${table} (${columns.join(", ")}) values ${tuples}`,
        values: rows.flat(),
      });
    },
    close: () => client.end(),
  };
}

async function connectSqlite(file: string): Promise<PlainClient> {
  const database = new DatabaseSync(file);
  database.exec("pragma journal_mode = wal; pragma synchronous = full");
  return {
    run: async (sql) => database.exec(sql),
    read: async (table, orderBy, without) => {
      const rows = database.prepare(`select * from ${table} order by ${orderBy}`).all();
      return tableOf(table, rows, without);
    },
    insert: async (table, columns, rows) => {
      const tuple = `(${columns.map(() => "?").join(", ")})`;
      const values = Array(rows.length).fill(tuple).join(", ");
      const statement = database.prepare(`insert into ${table} (${columns.join(", ")}) values ${values}`);
      statement.run(...(rows.flat() as SQLInputValue[]));
    },
    close: async () => database.close(),
  };
}

function tableOf(name: string, rows: readonly Record<string, unknown>[], without: readonly string[]): Table {
  const columns = Object.keys(rows[0] ?? {}).filter((column) => !without.includes(column));
  return { name, columns, rows: rows.map((row) => columns.map((column) => row[column])) };
}
