import { randomBytes } from "node:crypto";
import { createConnection } from "mysql2/promise";
import pg from "pg";
import type { Component } from "./components.ts";

/** Makes an empty database on the server and returns its URL, for `DATABASE_URL`. It goes with the server. */
export async function freshDatabase(server: Component): Promise<string> {
  const name = `bench_${randomBytes(6).toString("hex")}`;
  await (server.name === "mariadbd" ? createOnMariadb : createOnPostgres)(server.url, name);
  return `${server.url}/${name}`;
}

async function createOnMariadb(server: string, name: string): Promise<void> {
  const connection = await createConnection(server);
  try {
    await connection.query(`CREATE DATABASE ${name}`);
  } finally {
    await connection.end();
  }
}

async function createOnPostgres(server: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${server}/postgres` });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${name}`);
  } finally {
    await client.end();
  }
}
