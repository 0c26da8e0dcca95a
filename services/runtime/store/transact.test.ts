import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds, type TestDatabase } from "../../../test/support/databases.ts";
import { openFresh, openOn } from "../../../test/support/open-database.ts";
import { fail } from "../errors/fail.ts";
import { integer } from "./column.ts";
import type { Database } from "./database.ts";
import { add, counterOf, counters, errorOf, reason } from "./testing/counters.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

async function outboxSize(database: Database): Promise<number> {
  const [row] = await database.read.all(`select count(*) as n from ${database.tables.outbox}`);
  return integer(row?.n);
}

describe.each(databaseKinds)("%s", (kind) => {
  let database: Database;
  let other: Database;
  let fresh: TestDatabase;
  let dispose: () => Promise<void>;

  beforeAll(async () => {
    const opened = await openFresh(kind, [counters], { lockTimeoutMs: 1000 });
    ({ database, fresh } = opened);
    // A second Database on the same data is to the database what a second process is.
    other = await openOn(opened.fresh, { lockTimeoutMs: 1000 });
    dispose = async () => {
      await other.close();
      await opened.dispose();
    };
  });
  afterAll(() => dispose());

  test("commits what work did and returns its result", async () => {
    const before = await counterOf(database);
    expect(await database.transact(async (uow) => (await uow.run(add, [1, "a"])).affected)).toBe(1);
    expect(await counterOf(database)).toBe(before + 1);
  });

  test("undoes everything when work throws", async () => {
    const before = await counterOf(database);
    const outbox = await outboxSize(database);
    const thrown = new Error("no");
    const error = await errorOf(
      database.transact(async (uow) => {
        await uow.run(add, [1, "a"]);
        uow.emit({ subject: "x", data: new Uint8Array() });
        throw thrown;
      }),
    );
    expect(error).toBe(thrown);
    expect(await counterOf(database)).toBe(before);
    expect(await outboxSize(database)).toBe(outbox);
  });

  test("writes events with the transaction and tells listeners after the commit", async () => {
    const before = await outboxSize(database);
    let heard = -1;
    const unlisten = database.onEvents(() => {
      heard = before;
    });
    await database.transact(async (uow) => {
      uow.emit(
        { subject: "a.one", data: new Uint8Array([1]), headers: { k: "v" } },
        { subject: "a.two", data: new Uint8Array([2]) },
      );
      expect(heard).toBe(-1);
    });
    unlisten();
    expect(heard).toBe(before);
    const rows = await database.read.all(`select subject, headers from ${database.tables.outbox} order by seq`);
    expect(rows.slice(-2).map((row) => [row.subject, row.headers])).toEqual([
      ["a.one", '{"k":"v"}'],
      ["a.two", null],
    ]);
  });

  test("runs actions after the commit only", async () => {
    const seen: string[] = [];
    await errorOf(
      database.transact(async (uow) => {
        uow.afterCommit(() => seen.push("rolled back"));
        throw new Error("no");
      }),
    );
    await database.transact(async (uow) => {
      uow.afterCommit(() => seen.push("committed"));
      seen.push("working");
    });
    expect(seen).toEqual(["working", "committed"]);
  });

  test("an action that throws does not spoil the committed result", async () => {
    const result = database.transact(async (uow) => {
      uow.afterCommit(() => {
        throw new Error("no");
      });
      return 7;
    });
    expect(await result).toBe(7);
  });

  test("20 concurrent transactions on one row all succeed", async () => {
    const before = await counterOf(database);
    await Promise.all(
      Array.from({ length: 20 }, () =>
        database.transact(async (uow) => {
          const [row] = await uow.all(`select value from counters where id = 'a'${uow.dialect.forUpdate}`);
          await delay(1);
          await uow.run("update counters set value = ? where id = 'a'", [integer(row?.value) + 1]);
        }),
      ),
    );
    expect(await counterOf(database)).toBe(before + 20);
  });

  test("transactions of two processes that lock in opposite orders all succeed", async () => {
    const patient = await Promise.all([openOn(fresh), openOn(fresh)]);
    const before = (await counterOf(database, "a")) + (await counterOf(database, "b"));
    await Promise.all(
      // Four: PostgreSQL takes a second to see a deadlock, and six in a row outlast the retries on a busy machine.
      Array.from({ length: 4 }, (_unused, index) =>
        patient[index % 2]?.transact(async (uow) => {
          const order = index % 2 === 0 ? ["a", "b"] : ["b", "a"];
          for (const id of order) {
            await uow.run(add, [1, id]);
            await delay(2);
          }
        }),
      ),
    );
    for (const each of patient) await each.close();
    expect((await counterOf(database, "a")) + (await counterOf(database, "b"))).toBe(before + 8);
  });

  test("gives up with ABORTED on a lock that stays", async () => {
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const quick = await openOn(fresh, { lockTimeoutMs: 1 });
    const holder = database.transact(async (uow) => {
      await uow.run(add, [1, "c"]);
      await held;
    });
    await delay(20);
    const refused = await reason(quick.transact((uow) => uow.run(add, [1, "c"])));
    letGo();
    await holder;
    await quick.close();
    expect(refused).toBe("CONFLICT");
  });

  test("refuses a transaction inside a transaction at once", async () => {
    const error = await errorOf(database.transact(() => database.transact(async () => 1)));
    expect(String(error)).toContain("a transaction inside a transaction");
  });

  test("refuses a write beside the unit of work at once", async () => {
    const error = await errorOf(database.transact(() => database.read.run(add, [1, "a"])));
    expect(String(error)).toContain("a transaction inside a transaction");
  });

  test("is UNAVAILABLE after the close, which waits for the transactions that run", async () => {
    const closing = await openOn(fresh);
    const before = await counterOf(database);
    const running = closing.transact(async (uow) => {
      await uow.run(add, [1, "a"]);
      await delay(50);
      await uow.run(add, [1, "a"]);
    });
    await delay(10);
    await closing.close();
    await running;
    expect(await counterOf(database)).toBe(before + 2);
    expect(await reason(closing.transact((uow) => uow.run(add, [1, "a"])))).toBe("STORE_UNAVAILABLE");
    expect(await reason(closing.read.all("select 1"))).toBe("STORE_UNAVAILABLE");
    expect(await closing.check()).toContain("does not answer");
  });

  test("refuses statements after its end", async () => {
    const leaked = await database.transact(async (uow) => uow);
    expect(String(await errorOf(leaked.run(add, [1, "a"])))).toContain("the unit of work is over");
  });

  test("reads the database clock once", async () => {
    const [first, second] = await database.transact(async (uow) => {
      const one = await uow.now();
      await delay(5);
      return [one, await uow.now()];
    });
    expect(first).toBe(second);
    expect(Math.abs((first ?? 0) - Date.now())).toBeLessThan(2000);
  });

  describe("with a signal", () => {
    test("does nothing when it is aborted already", async () => {
      const signal = AbortSignal.abort();
      expect(await reason(database.transact((uow) => uow.run(add, [1, "a"]), { signal }))).toBe("CANCELLED");
    });

    test("rolls back when aborted before the commit, with the signal's own error", async () => {
      const before = await counterOf(database);
      const abort = new AbortController();
      const work = async (uow: UnitOfWork): Promise<void> => {
        await uow.run(add, [1, "a"]);
        abort.abort(fail("DEADLINE_EXCEEDED"));
      };
      expect(await reason(database.transact(work, { signal: abort.signal }))).toBe("DEADLINE_EXCEEDED");
      expect(await counterOf(database)).toBe(before);
    });

    test("an abort after the commit changes nothing", async () => {
      const abort = new AbortController();
      const work = async (uow: UnitOfWork): Promise<number> => {
        uow.afterCommit(() => abort.abort());
        return 1;
      };
      expect(await database.transact(work, { signal: abort.signal })).toBe(1);
    });

    if (kind !== "sqlite")
      test("interrupts the statement that runs", async () => {
        const abort = new AbortController();
        const started = performance.now();
        setTimeout(() => abort.abort(), 100);
        const sleep = kind === "mysql" ? "select sleep(5)" : "select pg_sleep(5)";
        const cancelledWork = reason(database.transact((uow) => uow.all(sleep), { signal: abort.signal }));
        expect(await cancelledWork).toBe("CANCELLED");
        expect(performance.now() - started).toBeLessThan(2000);
        expect(await database.check()).toBeUndefined();
      });
  });

  describe("inbox", () => {
    test("gives only messages that are new", async () => {
      const first = await database.transact((uow) => uow.inbox("stats", ["m1", "m2", "m2"]));
      const second = await database.transact((uow) => uow.inbox("stats", ["m2", "m3"]));
      const foreign = await database.transact((uow) => uow.inbox("mail", ["m2"]));
      expect([[...first].sort(), [...second], [...foreign]]).toEqual([["m1", "m2"], ["m3"], ["m2"]]);
    });

    test("forgets messages of a transaction that failed", async () => {
      await errorOf(
        database.transact(async (uow) => {
          await uow.inbox("stats", ["lost"]);
          throw new Error("no");
        }),
      );
      expect([...(await database.transact((uow) => uow.inbox("stats", ["lost"])))]).toEqual(["lost"]);
    });

    test("takes ids of any length, and none", async () => {
      const long = `${"x".repeat(5000)}1`;
      const taken = await database.transact((uow) => uow.inbox("stats", [long, `${"x".repeat(5000)}2`]));
      const again = await database.transact((uow) => uow.inbox("stats", [long]));
      const none = await database.transact((uow) => uow.inbox("stats", []));
      expect([taken.size, again.size, none.size]).toEqual([2, 0, 0]);
    });

    test("two processes handle each of 100 messages once", async () => {
      const ids = Array.from({ length: 100 }, (_unused, index) => `shared-${index}`);
      const taken = await Promise.all(
        [database, other, database, other].map((each, index) =>
          each.transact((uow) => uow.inbox("shared", index % 2 === 0 ? ids : [...ids].reverse())),
        ),
      );
      expect(taken.reduce((sum, set) => sum + set.size, 0)).toBe(100);
    });
  });
});
