import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DataTypes } from "sequelize";
import { describe, expect, onTestFinished, test } from "vitest";
import { databaseKinds, freshDatabase } from "../../../test/support/databases.ts";
import { openForTest, openOn, quietLog } from "../../../test/support/open-database.ts";
import { counterMigration, slowMigration } from "../../../test/support/store-migrations.ts";
import { temporaryDirectory } from "../../../test/support/temporary.ts";
import { StartupError } from "../lifecycle/startup-error.ts";
import type { Database } from "./database.ts";
import { migrator } from "./migrate.ts";
import type { Migration } from "./migration.ts";
import { openDatabase } from "./open-database.ts";

const withSequelize: Migration = {
  name: "0002-sequelize",
  up: async ({ queryInterface, transaction, addColumn, types }) => {
    await queryInterface.createTable(
      "made",
      { id: { type: DataTypes.INTEGER, primaryKey: true }, name: DataTypes.STRING },
      { transaction },
    );
    await queryInterface.addIndex("made", ["name"], { transaction });
    await addColumn("made", `code ${types.text(3)}`);
  },
  down: async ({ queryInterface, transaction }) => queryInterface.dropTable("made", { transaction }),
};

const failing: Migration = {
  name: "0002-failing",
  up: async ({ sql, types, createTable }) => {
    await createTable("half_made", `id ${types.bigint} not null primary key`);
    await sql.run("this is not SQL");
  },
  down: async () => undefined,
};

async function tables(database: Database): Promise<string[]> {
  const names = await database.sequelize.getQueryInterface().showAllTables();
  return names
    .map((name: string | { tableName: string }) => (typeof name === "string" ? name : name.tableName))
    .filter((name) => !name.startsWith("sqlite_"))
    .sort();
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe.each(databaseKinds)("%s", (kind) => {
  async function openEmpty(): Promise<Database> {
    const fresh = await freshDatabase(kind);
    const database = await openOn(fresh);
    onTestFinished(async () => {
      await database.close();
      await fresh.drop();
    });
    return database;
  }

  test("up, status, down and up again", async () => {
    const database = await openEmpty();
    const all = migrator(database, [counterMigration, slowMigration], quietLog);
    const names = ["test/runtime-0001-unit-of-work", "test/0001-counter", "test/0002-slow"];
    expect((await all.status()).map(({ state }) => state)).toEqual(["pending", "pending", "pending"]);
    expect(await tables(database)).toEqual([]);
    expect(await all.up("0001-counter")).toEqual(names.slice(0, 2));
    expect(await all.up()).toEqual(["test/0002-slow"]);
    expect(await all.up()).toEqual([]);
    expect(await all.down()).toEqual(["test/0002-slow"]);
    expect(await all.status()).toEqual(
      names.map((name, index) => ({ name, state: index < 2 ? "applied" : "pending" })),
    );
    expect(await all.down(2)).toEqual(names.slice(0, 2).reverse());
    expect(await tables(database)).toEqual(["schema_migrations"]);
    expect(await all.up()).toEqual(names);
  });

  test("Sequelize's QueryInterface works inside a migration", async () => {
    const database = await openEmpty();
    const all = migrator(database, [counterMigration, withSequelize], quietLog);
    await all.up();
    await database.read.run("insert into made (id, name, code) values (1, 'n', 'abc')");
    expect(await errorOf(database.read.run("insert into made (id, code) values (2, 'abcd')"))).toMatchObject({
      kind: "data-too-long",
    });
    await all.down();
    expect(await tables(database)).not.toContain("made");
  });

  test("two services in one database have tables and migrations of their own", async () => {
    const fresh = await freshDatabase(kind);
    const [one, two] = await Promise.all([openOn(fresh, { service: "one" }), openOn(fresh, { service: "two" })]);
    await Promise.all([one, two].map((database) => migrator(database, [], quietLog).up()));
    await one.transact(async (uow) => uow.emit({ subject: "x", data: new Uint8Array() }));
    expect(await two.read.all(`select id from ${two.tables.outbox}`)).toHaveLength(0);
    await migrator(one, [], quietLog).assertCurrent();
    await migrator(two, [], quietLog).down();
    await migrator(one, [], quietLog).assertCurrent();
    await Promise.all([one.close(), two.close()]);
    await fresh.drop();
  });

  test("a schema newer than the program is refused and left alone", async () => {
    const database = await openEmpty();
    await migrator(database, [counterMigration, slowMigration], quietLog).up();
    const older = migrator(database, [counterMigration], quietLog);
    for (const attempt of [() => older.up(), () => older.assertCurrent(), () => older.down()]) {
      const error = await errorOf(attempt());
      expect(error).toBeInstanceOf(StartupError);
      expect(String(error)).toMatch(/newer than this program \(test\/0002-slow\): start the newer release/);
    }
    expect(await tables(database)).toContain("slow_two");
  });

  test("a schema that lacks migrations is not current", async () => {
    const database = await openEmpty();
    await migrator(database, [], quietLog).up();
    const error = await errorOf(migrator(database, [counterMigration], quietLog).assertCurrent());
    expect(String(error)).toContain("lacks 1 migrations: run npm run migrate up");
  });

  test("a migration that fails is undone where DDL can be, and named where not", async () => {
    const database = await openEmpty();
    const all = migrator(database, [counterMigration, failing], quietLog);
    expect(await errorOf(all.up())).toBeInstanceOf(Error);
    const last = (await all.status()).at(-1);
    expect(last).toEqual({ name: "test/0002-failing", state: kind === "mysql" ? "half" : "pending" });
    if (kind !== "mysql") expect(await tables(database)).not.toContain("half_made");
  });

  test("the connection of a migration serves requests afterwards with its usual limits", async () => {
    const { database } = await openForTest(kind, [counterMigration]);
    await Promise.all(Array.from({ length: 20 }, () => database.read.all("select value from counter")));
    expect(await database.check()).toBeUndefined();
  });
});

describe("what a start says about a SQLite file that", () => {
  async function startOn(directory: string): Promise<unknown> {
    return await errorOf(
      (async () => {
        const database = await openDatabase({
          service: "test",
          url: undefined,
          dataDir: directory,
          log: quietLog,
          lockTimeoutMs: 50,
        });
        onTestFinished(() => database.close());
        await migrator(database, [], quietLog, { lockWaitMs: 100 }).up();
      })(),
    );
  }

  test("is no database", async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "test.sqlite"), "not a database, but long enough to look like one".repeat(100));
    const error = await startOn(directory);
    expect(error).toBeInstanceOf(StartupError);
    expect(String(error)).toContain("test.sqlite: the file is not an SQLite database");
  });

  test("lies where a file is in the way", async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "data"), "");
    const error = await startOn(join(directory, "data"));
    expect(error).toBeInstanceOf(StartupError);
  });

  test("has no room to grow", async () => {
    const directory = temporaryDirectory();
    const database = await openDatabase({ service: "test", url: undefined, dataDir: directory, log: quietLog });
    onTestFinished(() => database.close());
    await database.read.all("pragma max_page_count = 3");
    const error = await errorOf(migrator(database, [], quietLog).up());
    expect(error).toBeInstanceOf(StartupError);
    expect(String(error)).toContain("the disk is full; free some space");
    expect(await database.read.all("select name from sqlite_schema")).toEqual([]);
  });

  test("is read-only", async () => {
    const directory = temporaryDirectory();
    const database = await openDatabase({ service: "test", url: undefined, dataDir: directory, log: quietLog });
    onTestFinished(() => database.close());
    await database.read.all("pragma query_only = on");
    const error = await errorOf(migrator(database, [], quietLog).up());
    expect(error).toBeInstanceOf(StartupError);
    expect(String(error)).toContain("read-only");
  });

  test("another process holds for long", async () => {
    const directory = temporaryDirectory();
    const holder = await openDatabase({ service: "test", url: undefined, dataDir: directory, log: quietLog });
    onTestFinished(() => holder.close());
    await holder.transact(async () => {
      const error = await startOn(directory);
      expect(error).toBeInstanceOf(StartupError);
      expect(String(error)).toContain("another process has the database locked");
    });
  });
});

describe("what a start says about a server that", () => {
  function startWith(url: string): Promise<unknown> {
    return errorOf(openDatabase({ service: "test", url, dataDir: "", log: quietLog, statementTimeoutMs: 2000 }));
  }

  test.each(["mysql", "postgres"] as const)("does not listen (%s)", async (scheme) => {
    const error = await startWith(`${scheme}://user:secret@127.0.0.1:1/shop`);
    expect(error).toBeInstanceOf(StartupError);
    expect(String(error)).toMatch(/shop at 127.0.0.1:1: nobody listens there/);
    expect(String(error)).not.toContain("secret");
  });

  test.each(["mysql", "postgres"] as const)("has no such database (%s)", async (kind) => {
    const fresh = await freshDatabase(kind);
    await fresh.drop();
    const error = await startWith(fresh.url ?? "");
    expect(error).toBeInstanceOf(StartupError);
    expect(String(error)).toContain("it does not exist; create it or correct DATABASE_URL");
  });

  test.each(["mysql", "postgres"] as const)("refuses the user (%s)", async (kind) => {
    const fresh = await freshDatabase(kind);
    const url = new URL(fresh.url ?? "");
    url.username = "nobody_known";
    url.password = "wrong";
    const error = await startWith(url.href);
    await fresh.drop();
    expect(error).toBeInstanceOf(StartupError);
    expect(String(error)).toContain("correct user and password");
  });

  test("is read-only (postgres)", async () => {
    const { database, fresh } = await openForTest("postgres");
    const name = new URL(fresh.url ?? "").pathname.slice(1);
    await database.read.run(`alter database ${name} set default_transaction_read_only = on`);
    const readOnly = await openOn(fresh);
    onTestFinished(() => readOnly.close());
    const error = await errorOf(migrator(readOnly, [counterMigration], quietLog).up());
    expect(error).toBeInstanceOf(StartupError);
    expect(String(error)).toContain("it is read-only");
  });
});
