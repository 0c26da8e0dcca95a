import { createConnection } from "mysql2/promise";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { openScope } from "../bench.ts";
import { freshDatabase } from "./fresh-database.ts";
import { sharedLayout } from "./layout.ts";
import { readTree, treePids } from "./process-tree.ts";

function bench() {
  const stack = new AsyncDisposableStack();
  onTestFinished(() => stack.disposeAsync());
  return openScope(stack, { layout: sharedLayout, quick: true });
}

test("MariaDB has a commit on disk before it answers", async () => {
  const { bench: of } = bench();
  const connection = await createConnection(await freshDatabase(await of.startDatabase("mariadb")));
  const [rows] = await connection.query(
    "SELECT @@innodb_flush_log_at_trx_commit AS flush, @@innodb_doublewrite AS doublewrite, @@time_zone AS zone",
  );
  await connection.end();
  expect(rows).toEqual([{ flush: 1, doublewrite: 1, zone: "+00:00" }]);
}, 60_000);

test("PostgreSQL has a commit on disk before it answers, and the time of its ended backends counts", async () => {
  const { bench: of, close } = bench();
  const server = await of.startDatabase("postgres");
  const client = new pg.Client({ connectionString: await freshDatabase(server) });
  await client.connect();
  const { rows } = await client.query(
    "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'TimeZone') ORDER BY 1",
  );
  const before = readTree(server.pid).cpuUs;
  await client.query("SELECT sum(g) FROM generate_series(1, 3000000) g");
  const connected = treePids(server.pid).length;
  await client.end();
  await expect.poll(() => treePids(server.pid).length).toBeLessThan(connected);
  const { cpuUs } = readTree(server.pid);
  await close();
  expect(rows.map(({ setting }) => setting)).toEqual(["UTC", "on", "on", "on"]);
  expect(cpuUs - before).toBeGreaterThan(100_000);
}, 60_000);

test("a server that was started is gone when its scope closes", async () => {
  const { bench: of, close } = bench();
  const { pid } = await of.startNats();
  expect(treePids(pid)).toContain(pid);
  await close();
  expect(() => readTree(pid)).toThrow("gone");
});
