import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test } from "vitest";
import { openForTest, openOn, quietLog } from "../../../test/support/open-database.ts";
import { counterMigration } from "../../../test/support/store-migrations.ts";
import { startTcpProxy, type TcpProxy } from "../../../test/support/tcp-proxy.ts";
import { reasonOf } from "../errors/inspect.ts";
import { integer } from "./column.ts";
import type { Database } from "./database.ts";
import { groupCommit } from "./group-commit.ts";

const increment = "update counter set value = value + 1 where id = 1";

async function errorOf(promise: Promise<unknown>): Promise<ConnectError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ConnectError) return error;
  throw new Error(`expected a ConnectError, got ${error}`);
}

describe.each(["mysql", "postgres"] as const)("%s", (kind) => {
  async function start(): Promise<{ database: Database; direct: Database; proxy: TcpProxy }> {
    const { database: direct, fresh } = await openForTest(kind, [counterMigration]);
    const proxy = await startTcpProxy(fresh.url ?? "");
    const database = await openOn({ ...fresh, url: proxy.url }, { statementTimeoutMs: 3000, log: quietLog });
    onTestFinished(() => database.close());
    return { database, direct, proxy };
  }

  async function counter(database: Database): Promise<number> {
    return integer((await database.read.all("select value from counter"))[0]?.value);
  }

  test("a connection lost before the commit costs one more attempt", async () => {
    const { database, direct, proxy } = await start();
    let attempts = 0;
    await database.transact(async (uow) => {
      await uow.run(increment);
      if (++attempts === 1) proxy.cut();
      await uow.run("select 1");
    });
    expect(attempts).toBe(2);
    expect(await counter(direct)).toBe(1);
  });

  test("idle connections that the server closed are replaced", async () => {
    const { database, proxy } = await start();
    await Promise.all(Array.from({ length: 10 }, () => database.read.all("select 1")));
    proxy.cut();
    await delay(50);
    expect(await database.transact(async (uow) => (await uow.run(increment)).affected)).toBe(1);
    expect(await database.check()).toBeUndefined();
  });

  test("a commit without an answer is UNAVAILABLE and is not run again", async () => {
    const { database, direct, proxy } = await start();
    let attempts = 0;
    const error = await errorOf(
      database.transact(async (uow) => {
        attempts++;
        await uow.run(increment);
        proxy.loseNextAnswer();
      }),
    );
    expect(reasonOf(error)).toBe("STORE_UNAVAILABLE");
    expect(error.message).toContain("the outcome is unknown");
    expect(attempts).toBe(1);
    expect(await counter(direct)).toBe(1);
  });

  test("a database that is away is UNAVAILABLE with a time to come back, and serves again by itself", async () => {
    const { database, proxy } = await start();
    proxy.down();
    const error = await errorOf(database.transact((uow) => uow.run(increment)));
    expect(error.code).toBe(Code.Unavailable);
    expect(await errorOf(database.read.all("select 1"))).toMatchObject({ code: Code.Unavailable });
    expect(await database.check()).toContain("does not answer");
    proxy.restore();
    expect(await database.check()).toBeUndefined();
    await database.transact((uow) => uow.run(increment));
  });

  test("a batch whose commit has no answer fails as a whole and is not divided", async () => {
    const { database, direct, proxy } = await start();
    const group = groupCommit<number, number>({
      database,
      run: async (uow, requests) => {
        await uow.run("update counter set value = value + ? where id = 1", [requests.length]);
        proxy.loseNextAnswer();
        return requests.map((value) => ({ value }));
      },
    });
    const errors = await Promise.all([1, 2, 3].map((request) => errorOf(group.commit(request))));
    expect(errors.map(({ code }) => code)).toEqual([Code.Unavailable, Code.Unavailable, Code.Unavailable]);
    expect(await counter(direct)).toBe(3);
  });

  test("a statement that takes too long is UNAVAILABLE and gives its connection back", async () => {
    const { database } = await start();
    const endless =
      kind === "mysql"
        ? `select count(*) from ${Array.from("abcd", (alias) => `information_schema.columns ${alias}`).join(", ")}`
        : "select pg_sleep(10)";
    expect(reasonOf(await errorOf(database.transact((uow) => uow.all(endless))))).toBe("STORE_UNAVAILABLE");
    expect(await database.check()).toBeUndefined();
  });

  test("more callers than connections wait for their turn", async () => {
    const { database, direct } = await start();
    await Promise.all(Array.from({ length: 50 }, () => database.transact((uow) => uow.run(increment))));
    expect(await counter(direct)).toBe(50);
  });
});
