import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bytes, integer, text, textOrNull, timeMs } from "@ordermesh/runtime/store/column.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import type { Migration } from "@ordermesh/runtime/store/migration.ts";
import { describe, expect, onTestFinished, test } from "vitest";
import { databaseKinds, type TestDatabase } from "../../../test/support/databases.ts";
import { openForTest, openOn } from "../../../test/support/open-database.ts";
import { temporaryDirectory } from "../../../test/support/temporary.ts";
import { backUp, restore } from "./backup.ts";
import { serverTarget } from "./server.ts";
import { sqliteTarget } from "./sqlite.ts";
import type { BackupTarget } from "./target.ts";

/** Two tables of which every transaction writes both. */
const pairs: Migration = {
  name: "0001-pairs",
  up: async ({ types, createTable }) => {
    await createTable(
      "ones",
      `id ${types.int} not null primary key,\n said ${types.text(60)},\n raw ${types.blob} not null,\n at ${types.time} not null`,
    );
    await createTable(
      "others",
      `id ${types.int} not null primary key,\n amount ${types.bigint} not null check (amount > 0)`,
    );
  },
  down: async () => undefined,
};

const atMs = Date.UTC(2026, 10, 21, 3, 4, 5, 678);
const said = `it's "quoted" \\ 100% 订单 🍚\n`;
const raw = Uint8Array.of(0, 10, 13, 26, 39, 92, 128, 255);

async function write(database: Database, id: number): Promise<void> {
  await database.transact(async (uow) => {
    const values = [id, id % 2 === 0 ? said : null, raw, uow.dialect.time(atMs)];
    await uow.run("insert into ones (id, said, raw, at) values (?, ?, ?, ?)", values);
    await uow.run("insert into others (id, amount) values (?, ?)", [id, 9_007_199_254_740_993n]);
  });
}

async function ids(database: Database): Promise<number[]> {
  return (await database.read.all("select id from ones order by id")).map((row) => integer(row.id));
}

describe.each(databaseKinds)("%s", (kind) => {
  async function open(): Promise<{ database: Database; fresh: TestDatabase; target: BackupTarget; out: string }> {
    const { database, fresh } = await openForTest(kind, [pairs]);
    const target = fresh.url === undefined ? sqliteTarget(fresh.directory) : await serverTarget(fresh.url, undefined);
    onTestFinished(() => target.close());
    return { database, fresh, target, out: join(temporaryDirectory("backup"), "deep", "backup.tar.gz") };
  }

  const now = new Date(atMs);

  test("a backup brings back every row and value as it was, and nothing of later", async () => {
    const { database, fresh, target, out } = await open();
    for (const id of [1, 2]) await write(database, id);
    const report = await backUp(target, out, now);
    await write(database, 3);
    await database.transact((uow) => uow.run("update others set amount = 5 where id = 1"));
    await database.read.run("create table later (id integer)");
    await database.close();
    const { manifest } = await restore(target, out, { whileRunning: false, now });
    const again = await openOn(fresh);
    onTestFinished(() => again.close());
    const [first, second] = await again.read.all("select * from ones order by id");
    expect(await ids(again)).toEqual([1, 2]);
    expect(textOrNull(first?.said)).toBeNull();
    expect(text(second?.said)).toBe(said);
    expect([...bytes(second?.raw)]).toEqual([...raw]);
    expect(timeMs(second?.at)).toBe(atMs);
    expect(await again.read.all("select * from others where amount <> 9007199254740993")).toEqual([]);
    await expect(again.read.all("select * from later")).rejects.toThrow();
    await expect(again.read.run("insert into others (id, amount) values (9, 0)")).rejects.toThrow();
    expect(manifest).toMatchObject({ createdAt: now.toISOString(), databases: [{ tables: { ones: 2, others: 2 } }] });
    expect(report.databases).toMatchObject([{ rows: expect.any(Number) }]);
  });

  test("a backup under load holds whole transactions", async () => {
    const { database, target, out } = await open();
    let running = true;
    const load = (async () => {
      for (let id = 1; running; id++) await write(database, id);
    })();
    await backUp(target, out, now);
    running = false;
    await load;
    const written = await ids(database);
    await database.close();
    const { manifest } = await restore(target, out, { whileRunning: false, now });
    const { ones = 0, others } = manifest.databases[0]?.tables ?? {};
    expect(others).toBe(ones);
    expect(ones).toBeLessThan(written.length);
  });

  test("a file that is there is never overwritten", async () => {
    const { target, out } = await open();
    await backUp(target, out, now);
    const before = readFileSync(out);
    await expect(backUp(target, out, now)).rejects.toThrow("is there already");
    expect(readFileSync(out).equals(before)).toBe(true);
    expect(readdirSync(join(out, ".."))).toEqual(["backup.tar.gz"]);
  });

  test("a damaged backup changes nothing", async () => {
    const { database, fresh, target, out } = await open();
    await backUp(target, out, now);
    await write(database, 1);
    await database.close();
    const damaged = readFileSync(out);
    damaged[Math.floor(damaged.length / 2)] = (damaged[Math.floor(damaged.length / 2)] ?? 0) ^ 0xff;
    for (const content of [damaged, readFileSync(out).subarray(0, -30), "no archive"]) {
      writeFileSync(out, content);
      await expect(restore(target, out, { whileRunning: false, now })).rejects.toThrow("cannot be restored");
    }
    const again = await openOn(fresh);
    onTestFinished(() => again.close());
    expect(await ids(again)).toEqual([1]);
  });
});

describe.each(databaseKinds.filter((kind) => kind !== "sqlite"))("%s server", (kind) => {
  test("a database that services use is restored only when told so", async () => {
    const { database, fresh } = await openForTest(kind, [pairs]);
    const target = await serverTarget(fresh.url ?? "", undefined);
    onTestFinished(() => target.close());
    const out = join(temporaryDirectory("backup"), "backup.tar.gz");
    await write(database, 1);
    await backUp(target, out, new Date());
    await write(database, 2);
    await expect(restore(target, out, { whileRunning: false, now: new Date() })).rejects.toThrow("services run");
    expect(await ids(database)).toEqual([1, 2]);
    await restore(target, out, { whileRunning: true, now: new Date() });
    expect(await ids(database)).toEqual([1]);
  });

  test("schemas for checks are gone afterwards", async () => {
    const { fresh } = await openForTest(kind, [pairs]);
    const target = await serverTarget(fresh.url ?? "", undefined);
    onTestFinished(() => target.close());
    const out = join(temporaryDirectory("backup"), "backup.tar.gz");
    await backUp(target, out, new Date());
    await restore(target, out, { whileRunning: true, now: new Date() });
    const { database: other } = await openForTest(kind);
    const schema = new URL(fresh.url ?? "").pathname.slice(1);
    const names =
      kind === "mysql" ? "schema_name as name from information_schema.schemata" : "datname as name from pg_database";
    const found = await other.read.all(`select ${names}`);
    expect(found.map(({ name }) => text(name)).filter((name) => name.startsWith(schema))).toEqual([schema]);
  });
});

test("a backup of one product is not restored into another", async () => {
  const { fresh: one } = await openForTest("sqlite", [pairs]);
  const { fresh: other } = await openForTest("postgres", [pairs]);
  const out = join(temporaryDirectory("backup"), "backup.tar.gz");
  await backUp(sqliteTarget(one.directory), out, new Date());
  const target = await serverTarget(other.url ?? "", undefined);
  onTestFinished(() => target.close());
  await expect(restore(target, out, { whileRunning: false, now: new Date() })).rejects.toThrow("is of sqlite");
});
