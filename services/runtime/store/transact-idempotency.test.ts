import { setTimeout as delay } from "node:timers/promises";
import { Code, type ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { openFresh, openOn } from "../../../test/support/open-database.ts";
import { retryAfterMsOf } from "../errors/inspect.ts";
import type { Database } from "./database.ts";
import type { IdempotencyClaim } from "./idempotency.ts";
import { add, counterOf, counters, errorOf, reason } from "./testing/counters.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

describe.each(databaseKinds)("%s", (kind) => {
  let database: Database;
  let other: Database;
  let dispose: () => Promise<void>;

  beforeAll(async () => {
    const opened = await openFresh(kind, [counters], { lockTimeoutMs: 1000 });
    ({ database } = opened);
    // A second Database on the same data is to the database what a second process is.
    other = await openOn(opened.fresh, { lockTimeoutMs: 1000 });
    dispose = async () => {
      await other.close();
      await opened.dispose();
    };
  });
  afterAll(() => dispose());

  const encode = (result: number): Uint8Array => Buffer.from(String(result));
  const decode = (stored: Uint8Array): number => Number(Buffer.from(stored).toString());

  function claimOf(key: string, fingerprint = "f1"): IdempotencyClaim {
    return { scope: "alice /order.Buy", key, fingerprint };
  }

  async function buy(on: Database, claim: IdempotencyClaim, result = 1, before?: Promise<void>) {
    let replayed = false;
    const value = await on.transact(
      async (uow) => {
        await uow.run(add, [1, "a"]);
        await before;
        return result;
      },
      { idempotency: { claim, encode, decode, replayed: () => (replayed = true) } },
    );
    return { value, replayed };
  }

  test("the second request gets the first one's answer and has no effect", async () => {
    const before = await counterOf(database);
    expect(await buy(database, claimOf("k1"), 41)).toEqual({ value: 41, replayed: false });
    expect(await buy(other, claimOf("k1"), 42)).toEqual({ value: 41, replayed: true });
    expect(await counterOf(database)).toBe(before + 1);
  });

  test("another fingerprint is refused", async () => {
    await buy(database, claimOf("k2"));
    expect(await reason(buy(other, claimOf("k2", "f2")))).toBe("IDEMPOTENCY_KEY_REUSED");
  });

  test("the same key of another scope is another key", async () => {
    await buy(database, claimOf("k3"), 1);
    expect(await buy(database, { ...claimOf("k3", "f9"), scope: "bob /order.Buy" }, 2)).toEqual({
      value: 2,
      replayed: false,
    });
  });

  test("a failed request leaves the key free", async () => {
    const claim = claimOf("k4");
    await errorOf(database.transact(() => Promise.reject(new Error("no")), { idempotency: { claim, encode, decode } }));
    expect(await buy(database, claim, 5)).toEqual({ value: 5, replayed: false });
  });

  test("while it runs, the same process refuses at once and says when to come back", async () => {
    let go = (): void => undefined;
    const running = buy(database, claimOf("k5"), 1, new Promise((resolve) => (go = resolve)));
    await delay(20);
    const error = await errorOf(buy(database, claimOf("k5")));
    go();
    await running;
    expect(error).toMatchObject({ code: Code.Aborted });
    expect(retryAfterMsOf(error as ConnectError)).toBeGreaterThan(0);
  });

  test("while it runs, another process waits for a lock's time and then refuses or replays", async () => {
    let go = (): void => undefined;
    const running = buy(database, claimOf("k6"), 6, new Promise((resolve) => (go = resolve)));
    await delay(20);
    const second = errorOf(buy(other, claimOf("k6")));
    const result = await Promise.race([second, delay(5000).then(() => "still waiting")]);
    go();
    await running;
    expect(result).toMatchObject({ code: Code.Aborted });
    expect(await buy(other, claimOf("k6"))).toEqual({ value: 6, replayed: true });
  });

  test("50 parallel requests with one key over two processes have one effect", async () => {
    const before = await counterOf(database);
    const results = await Promise.all(
      Array.from({ length: 50 }, (_unused, index) =>
        buy(index % 2 === 0 ? database : other, claimOf("k7"), index).catch((error: unknown) => error),
      ),
    );
    expect(await counterOf(database)).toBe(before + 1);
    const values = results.filter((result) => !(result instanceof Error)) as { value: number }[];
    expect(new Set(values.map(({ value }) => value)).size).toBe(1);
  });

  test("many claims of one transaction", async () => {
    await buy(database, claimOf("m-old"), 9);
    await buy(database, claimOf("m-reused"), 9);
    const claims = [
      claimOf("m-new"),
      claimOf("m-old"),
      claimOf("m-reused", "f2"),
      claimOf("m-new"),
      claimOf("m-dropped"),
    ];
    const states = await database.transact(async (uow) => {
      const found = await uow.claimAll(claims);
      uow.recordAll([{ claim: claimOf("m-new"), answer: encode(3) }]);
      return found;
    });
    expect(states.map(({ kind }) => kind)).toEqual(["new", "finished", "reused", "in-flight", "new"]);
    expect(await buy(database, claimOf("m-new"))).toEqual({ value: 3, replayed: true });
    expect(await buy(database, claimOf("m-dropped"), 4)).toEqual({ value: 4, replayed: false });
  });

  test("many answers of one transaction", async () => {
    const claims = Array.from({ length: 150 }, (_unused, index) => claimOf(`many-${index}`));
    await database.transact(async (uow) => {
      await uow.claimAll(claims);
      uow.recordAll(claims.map((claim, index) => ({ claim, answer: encode(index) })));
    });
    expect(await buy(database, claimOf("many-149"))).toEqual({ value: 149, replayed: true });
  });

  test("an answer without a claim is a defect that is told", async () => {
    const work = async (uow: UnitOfWork): Promise<void> =>
      uow.recordAll([{ claim: claimOf("none"), answer: encode(1) }]);
    expect(String(await errorOf(database.transact(work)))).toContain("needs a claim");
  });
});
