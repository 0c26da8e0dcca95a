import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { openFresh } from "../../../test/support/open-database.ts";
import { bigint, bytes, flag, integer, text, timeMs } from "./column.ts";
import type { Database } from "./database.ts";
import type { Migration } from "./migration.ts";
import { StoreError } from "./store-error.ts";

const things: Migration = {
  name: "0001-things",
  up: async ({ sql, types, createTable }) => {
    await createTable(
      "things",
      `id ${types.text(20)} not null primary key,
       code ${types.text(10)},
       count ${types.int},
       amount ${types.bigint},
       ok ${types.flag},
       at ${types.time},
       raw ${types.blob},
       price ${types.longText},
       constraint positive check (amount is null or amount >= 0)`,
    );
    await sql.run("create unique index things_code on things (code)");
    await createTable("parts", `thing_id ${types.text(20)} not null references things (id)`);
  },
  down: async ({ sql }) => {
    await sql.run("drop table parts");
    await sql.run("drop table things");
  },
};

describe.each(databaseKinds)("%s", (kind) => {
  let database: Database;
  let dispose: () => Promise<void>;
  let sql: Database["read"];

  beforeAll(async () => {
    ({ database, dispose } = await openFresh(kind, [things]));
    sql = database.read;
  });
  afterAll(() => dispose());

  async function failure(statement: string, params: Parameters<typeof sql.run>[1] = []): Promise<StoreError> {
    const error = await database
      .transact((uow) => uow.run(statement, params))
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
    if (error instanceof StoreError) return error;
    throw new Error(`expected a StoreError, got ${error}`);
  }

  test("keeps int64, booleans, bytes and times exactly", async () => {
    const at = Date.UTC(2024, 1, 29, 23, 59, 59, 7);
    await sql.run("insert into things (id, amount, ok, at, raw, count) values (?, ?, ?, ?, ?, ?)", [
      "exact",
      9223372036854775807n,
      true,
      database.dialect.time(at),
      new Uint8Array([0, 255, 92, 39]),
      -2147483648,
    ]);
    const [row] = await sql.all("select amount, ok, at, raw, count from things where id = ?", ["exact"]);
    expect(bigint(row?.amount)).toBe(9223372036854775807n);
    expect(() => integer(row?.amount)).toThrow(RangeError);
    expect(flag(row?.ok)).toBe(true);
    expect(timeMs(row?.at)).toBe(at);
    expect([...bytes(row?.raw)]).toEqual([0, 255, 92, 39]);
    expect(integer(row?.count)).toBe(-2147483648);
  });

  test.each([false, true])("reads rows as arrays in the order of the select, once: %s", async (once) => {
    const at = Date.UTC(2024, 1, 29, 23, 59, 59, 7);
    const id = `values-${once}`;
    await sql.run("insert into things (id, amount, ok, at, raw, count) values (?, ?, ?, ?, ?, ?)", [
      ...[id, 9223372036854775807n, false, database.dialect.time(at), new Uint8Array([0, 255]), 7],
    ]);
    const select = "select count, id, amount, code, ok, at, raw, id from things where id = ?";
    const inTransaction = await database.transact((uow) => uow.values(select, [id], { once }));
    for (const rows of [await sql.values(select, [id], { once }), inTransaction]) {
      expect(rows).toHaveLength(1);
      const [count, first, amount, code, ok, time, raw, last] = rows[0] ?? [];
      expect([integer(count), first, bigint(amount), code]).toEqual([7, id, 9223372036854775807n, null]);
      expect([flag(ok), timeMs(time), [...bytes(raw)], last]).toEqual([false, at, [0, 255], id]);
    }
  });

  test("reads the same statement as objects and as arrays", async () => {
    const select = "select 1 as one, 'a' as letter";
    for (let turn = 0; turn < 2; turn++) {
      expect((await sql.values(select)).map(([one, letter]) => [integer(one), letter])).toEqual([[1, "a"]]);
      expect((await sql.all(select)).map((row) => [integer(row.one), row.letter])).toEqual([[1, "a"]]);
    }
  });

  test("a failed read of arrays is a StoreError", async () => {
    await expect(database.transact((uow) => uow.values("select * from nothing_here"))).rejects.toThrow(StoreError);
  });

  test("finds a row by an int64 beyond 2^53", async () => {
    await sql.run("insert into things (id, amount) values ('odd', ?)", [9007199254740993n]);
    const find = "select id from things where amount = ?";
    expect(await sql.all(find, [9007199254740993n])).toHaveLength(1);
    expect(await sql.all(find, [9007199254740992n])).toHaveLength(0);
  });

  test("keeps decimals as exact text", async () => {
    await sql.run("insert into things (id, price) values ('decimal', ?)", ["12345678901234567890.123456789"]);
    const [row] = await sql.all("select price from things where id = 'decimal'");
    expect(text(row?.price)).toBe("12345678901234567890.123456789");
  });

  test.each([0, -30610224000000, 253402300799999, 951782400000, 1700000000123])("keeps the instant %d", async (ms) => {
    const id = `at${ms}`.slice(0, 20);
    await sql.run("insert into things (id, at) values (?, ?)", [id, database.dialect.time(ms)]);
    const [row] = await sql.all("select at from things where id = ?", [id]);
    expect(timeMs(row?.at)).toBe(ms);
  });

  test("says the time in UTC whatever the server's zone", async () => {
    const before = Date.now();
    const [row] = await sql.all(`select ${database.dialect.now} as now`);
    const now = timeMs(row?.now);
    expect(now).toBeGreaterThanOrEqual(before - 1);
    expect(now).toBeLessThanOrEqual(Date.now() + 1);
  });

  test("stores the clock as it says it", async () => {
    await sql.run(`insert into things (id, at) values ('clock', ${database.dialect.now})`);
    const [row] = await sql.all("select at from things where id = 'clock'");
    expect(Math.abs(timeMs(row?.at) - Date.now())).toBeLessThan(1000);
  });

  test("shifts times by milliseconds", async () => {
    const { dialect } = database;
    await sql.run("insert into things (id, at) values ('shift', ?)", [dialect.time(1_700_000_000_123)]);
    const [row] = await sql.all(
      `select ${dialect.addMs("at", "?")} as later, ${dialect.addMs("at", "-1")} as earlier from things where id = 'shift'`,
      [86_400_001],
    );
    expect(timeMs(row?.later)).toBe(1_700_086_400_124);
    expect(timeMs(row?.earlier)).toBe(1_700_000_000_122);
  });

  test("compares a stored time with a shifted clock", async () => {
    const { dialect } = database;
    await sql.run("insert into things (id, at) values ('old', ?)", [dialect.time(Date.now() - 10_000)]);
    const older = `select id from things where id = 'old' and at < ${dialect.addMs(dialect.now, "?")}`;
    expect(await sql.all(older, [-5000])).toHaveLength(1);
    expect(await sql.all(older, [-20_000])).toHaveLength(0);
  });

  test("tells apart keys that differ in case, accent, trailing space and normal form", async () => {
    const keys = ["lin", "Lin", "lín", "li\u0301n", "lin ", "lin\t"];
    for (const key of keys) await sql.run("insert into things (id) values (?)", [key]);
    const rows = await sql.all("select id from things where id in (?, ?, ?, ?, ?, ?)", keys);
    expect(rows.map((row) => text(row.id)).sort()).toEqual([...keys].sort());
    expect(await sql.all("select id from things where id = ?", ["lin"])).toHaveLength(1);
  });

  test("sorts keys by their bytes", async () => {
    for (const id of ["s_b", "s_B", "s_ä", "s_a"]) await sql.run("insert into things (id) values (?)", [id]);
    const rows = await sql.all("select id from things where id >= 's_' and id < 's`' order by id");
    expect(rows.map((row) => row.id)).toEqual(["s_B", "s_a", "s_b", "s_ä"]);
  });

  test("leaves question marks in quoted text alone", async () => {
    const [row] = await sql.all("select 'what?' as question, ? as answer /* why? */", ["?"]);
    expect(row).toMatchObject({ question: "what?", answer: "?" });
  });

  test("a statement marked once escapes what it writes in", async () => {
    const nasty = "a'b\\c\"d`e?f\n\u0001😀";
    await sql.run(
      "insert into things (id, price, raw, ok) values (?, ?, ?, ?)",
      ["nasty", nasty, Buffer.from([39, 92, 0]), false],
      {
        once: true,
      },
    );
    const [row] = await sql.all("select price, raw, ok from things where id = ?", ["nasty"], { once: true });
    expect(text(row?.price)).toBe(nasty);
    expect([...bytes(row?.raw)]).toEqual([39, 92, 0]);
    expect(flag(row?.ok)).toBe(false);
  });

  test("takes a limit as a parameter", async () => {
    expect(await sql.all("select id from things limit ?", [1])).toHaveLength(1);
  });

  describe("says what went wrong", () => {
    test("duplicate primary key", async () => {
      await sql.run("insert into things (id) values ('dup')");
      const error = await failure("insert into things (id) values ('dup')");
      expect(error.kind).toBe("duplicate-key");
    });

    test("duplicate unique key, named by index or column", async () => {
      await sql.run("insert into things (id, code) values ('k1', 'same')");
      const error = await failure("insert into things (id, code) values ('k2', 'same')");
      expect(error.kind).toBe("duplicate-key");
      expect(error.constraint === "things_code" || error.columns?.join() === "code").toBe(true);
    });

    test("CHECK", async () => {
      const error = await failure("insert into things (id, amount) values ('neg', -1)");
      expect(error).toMatchObject({ kind: "constraint", constraint: "positive" });
    });

    test("foreign key", async () => {
      expect((await failure("insert into parts (thing_id) values ('nobody')")).kind).toBe("constraint");
    });

    test("NOT NULL, with the column", async () => {
      const error = await failure("insert into things (id) values (?)", [null]);
      expect(error).toMatchObject({ kind: "constraint", columns: ["id"] });
    });

    test("text too long", async () => {
      expect((await failure("insert into things (id) values (?)", ["x".repeat(21)])).kind).toBe("data-too-long");
    });

    test("number out of the column's range", async () => {
      expect((await failure("insert into things (id, count) values ('r', ?)", [2147483648])).kind).toBe("out-of-range");
    });

    test("number beyond int64", async () => {
      const error = await failure("insert into things (id, amount) values ('r', ?)", [9223372036854775808n]);
      expect(error.kind).toBe("out-of-range");
    });

    test("text in a number's column", async () => {
      expect((await failure("insert into things (id, amount) values ('r', 'many')")).kind).toBe("invalid-value");
    });

    test("text in a time's column", async () => {
      expect((await failure("insert into things (id, at) values ('t', 'soon')")).kind).toBe("invalid-value");
    });

    test("a defect of the statement", async () => {
      expect((await failure("insert into nothing (id) values (1)")).kind).toBe("statement");
    });

    test("without SQL values in the message", async () => {
      const error = await failure("insert into things (id) values (?)", [`secret${"x".repeat(30)}`]);
      expect(error.message).not.toContain("secret");
      expect(error.cause).toBeInstanceOf(Error);
    });
  });

  test("an UPDATE tells a value: returning it, or on MySQL as the last insert id", async () => {
    await sql.run("insert into things (id, count) values ('told', 5)");
    const update = (value: string) => `update things set count = ${value} where id = 'told'`;
    if (database.dialect.name === "mysql") {
      expect(await sql.run(update("last_insert_id(count - ?)"), [5])).toEqual({ affected: 1, told: 0 });
    } else {
      expect(await sql.all(`${update("count - ?")} returning count`, [5])).toHaveLength(1);
    }
    const [row] = await sql.all("select count from things where id = 'told'");
    expect(integer(row?.count)).toBe(0);
  });

  describe("duplicates", () => {
    test("are skipped and counted 0", async () => {
      const insert = `insert into things (id) values (?), (?)${database.dialect.onDuplicateSkip("things", ["id"])}`;
      expect(await sql.run(insert, ["skip1", "skip2"])).toMatchObject({ affected: 2 });
      expect(await sql.run(insert, ["skip1", "skip3"])).toMatchObject({ affected: 1 });
      expect(await sql.run(insert, ["skip1", "skip3"])).toMatchObject({ affected: 0 });
    });

    test("of another key are not hidden by the skip", async () => {
      const tail = database.dialect.onDuplicateSkip("things", ["id"]);
      await sql.run("insert into things (id, code) values ('h1', 'hidden')");
      const error = await failure(`insert into things (id, code) values ('h2', 'hidden')${tail}`);
      expect(["duplicate-key", "constraint"]).toContain(error.kind);
      const [row] = await sql.all("select id, code from things where code = 'hidden'");
      expect(row).toMatchObject({ id: "h1" });
    });

    test("set the columns asked for", async () => {
      const insert = `insert into things (id, amount, count) values (?, ?, ?)${database.dialect.onDuplicateSet(["id"], ["amount"])}`;
      await sql.run(insert, ["set", 1, 1]);
      await sql.run(insert, ["set", 2, 2]);
      const [row] = await sql.all("select amount, count from things where id = 'set'");
      expect([integer(row?.amount), integer(row?.count)]).toEqual([2, 1]);
    });

    test("skipped by a no-op upsert do not clip values", async () => {
      const tail = database.dialect.onDuplicateSkip("things", ["id"]);
      expect((await failure(`insert into things (id, count) values ('clip', ?)${tail}`, [2147483648])).kind).toBe(
        "out-of-range",
      );
    });
  });
});
