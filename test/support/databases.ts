import { randomBytes } from "node:crypto";
import { createConnection } from "mysql2/promise";
import pg from "pg";
import { inject } from "vitest";
import { onMysql } from "./on-mysql.ts";
import { temporaryDirectory } from "./temporary.ts";

export type DatabaseKind = "sqlite" | "mysql" | "postgres";

/** Every database that the store supports, for `describe.each`. */
export const databaseKinds: readonly DatabaseKind[] = onMysql ? ["mysql"] : ["sqlite", "mysql", "postgres"];

export interface TestDatabase {
  /** Undefined is SQLite, whose files belong into `directory`. */
  readonly url: string | undefined;
  readonly directory: string;
  drop(): Promise<void>;
}

/** An empty database of the caller's own, on the run's shared MariaDB (or MySQL) or PostgreSQL or as a directory for SQLite files. */
export async function freshDatabase(kind: DatabaseKind): Promise<TestDatabase> {
  const directory = temporaryDirectory(kind);
  if (kind === "sqlite") return { url: undefined, directory, drop: async () => undefined };
  const response = await fetch(`${inject("run").servers}/${kind}`);
  const server = await response.text();
  if (!response.ok) throw new Error(server);
  const name = `test_${randomBytes(6).toString("hex")}`;
  const administer = kind === "mysql" ? administerMysql : administerPostgres;
  await administer(server, `CREATE DATABASE ${name}`);
  const force = kind === "mysql" ? "" : " WITH (FORCE)";
  return {
    url: `${server}/${name}`,
    directory,
    drop: () => administer(server, `DROP DATABASE IF EXISTS ${name}${force}`),
  };
}

async function administerMysql(server: string, sql: string): Promise<void> {
  const connection = await createConnection(server);
  try {
    await connection.query(sql);
  } finally {
    await connection.end();
  }
}

async function administerPostgres(server: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${server}/postgres` });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
