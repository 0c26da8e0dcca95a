import { createConnection } from "mysql2/promise";
import { connect } from "nats";
import pg from "pg";
import { expect, test } from "vitest";
import { freshDatabase } from "./databases.ts";
import { startNats } from "./nats.ts";

test("a fresh MariaDB database is empty and its server careless about mode and zone", async () => {
  const database = await freshDatabase("mysql");
  const connection = await createConnection(database.url ?? "");
  const [rows] = await connection.query("SELECT @@sql_mode AS mode, @@time_zone AS zone, DATABASE() AS name");
  const [tables] = await connection.query("SHOW TABLES");
  await connection.end();
  await database.drop();
  expect(rows).toMatchObject([
    { mode: expect.not.stringContaining("STRICT"), zone: "+08:00", name: database.url?.split("/").at(-1) },
  ]);
  expect(tables).toEqual([]);
});

test("a fresh PostgreSQL database goes even while a client is connected", async () => {
  const database = await freshDatabase("postgres");
  const client = new pg.Client({ connectionString: database.url });
  const lost = new Promise((resolve) => client.on("error", resolve));
  await client.connect();
  await database.drop();
  expect(await lost).toBeInstanceOf(Error);
});

test("two SQLite databases have a directory each", async () => {
  const [one, other] = await Promise.all([freshDatabase("sqlite"), freshDatabase("sqlite")]);
  expect(one?.directory).not.toBe(other?.directory);
});

test("JetStream keeps its messages over a crash and a restart on the same port", async () => {
  const server = await startNats();
  const before = await connect({ servers: server.url, reconnect: false });
  const manager = await before.jetstreamManager();
  await manager.streams.add({ name: "KEPT", subjects: ["kept.>"] });
  await before.jetstream().publish("kept.one", "1");
  const firstPid = server.pid;
  await server.kill();
  await before.closed();
  await server.restart();
  const after = await connect({ servers: server.url, reconnect: false });
  const info = await (await after.jetstreamManager()).streams.info("KEPT");
  await after.close();
  await server.stop();
  expect(info.state.messages).toBe(1);
  expect(server.pid).not.toBe(firstPid);
});
