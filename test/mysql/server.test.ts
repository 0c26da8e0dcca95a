import { createConnection, type RowDataPacket } from "mysql2/promise";
import { expect, test } from "vitest";
import { freshDatabase } from "../support/databases.ts";
import { openOn } from "../support/open-database.ts";

test("is what the tests of `mysql` run on", async () => {
  const fresh = await freshDatabase("mysql");
  const database = await openOn(fresh);
  const [row] = await database.read.all("select version() as version");
  await database.close();
  await fresh.drop();
  expect(row?.version).toMatch(/^9\./);
  expect(database.read.dialect.product).toBe("mysql");
});

test("lets an account in by caching_sha2_password without TLS, known to the server's cache or not", async () => {
  const fresh = await freshDatabase("mysql");
  const administrator = await createConnection(fresh.url ?? "");
  await administrator.query("flush privileges");
  const [first, second] = [await openOn(fresh), await openOn(fresh)];
  const [rows] = await administrator.query<RowDataPacket[]>("select plugin from mysql.user where user = 'mesh'");
  await Promise.all([first.close(), second.close(), administrator.end()]);
  await fresh.drop();
  expect(rows[0]?.plugin).toBe("caching_sha2_password");
});
