import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { openFresh } from "../../../test/support/open-database.ts";
import { fail } from "../errors/fail.ts";
import { reasonOf, retryAfterMsOf } from "../errors/inspect.ts";
import { integer, text } from "./column.ts";
import type { Database } from "./database.ts";
import { type GroupCommitOptions, groupCommit, type Outcome } from "./group-commit.ts";
import { insertRows } from "./insert.ts";
import type { Migration } from "./migration.ts";
import { StoreError } from "./store-error.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

const names: Migration = {
  name: "0001-names",
  up: ({ types, createTable }) => createTable("names", `name ${types.text(20)} not null primary key`),
  down: async ({ sql }) => void (await sql.run("drop table names")),
};

describe.each(databaseKinds)("%s", (kind) => {
  let database: Database;
  let dispose: () => Promise<void>;
  /** Sizes of the batches that ran, failed ones too. */
  let sizes: number[] = [];

  beforeAll(async () => {
    ({ database, dispose } = await openFresh(kind, [names]));
  });
  afterAll(() => dispose());

  async function insert(uow: UnitOfWork, requests: readonly string[]): Promise<readonly Outcome<string>[]> {
    sizes.push(requests.length);
    const wanted = requests.filter((name) => name !== "refused");
    await insertRows(
      uow,
      "names",
      ["name"],
      wanted.map((name) => [name]),
    );
    return requests.map((name) =>
      name === "refused" ? { error: fail("PERMISSION_DENIED") } : { value: `got ${name}` },
    );
  }

  function committer(options: Partial<GroupCommitOptions<string, string>> = {}) {
    sizes = [];
    return groupCommit({ database, run: insert, ...options });
  }

  async function stored(prefix: string): Promise<string[]> {
    const rows = await database.read.all("select name from names where name like ? order by name", [`${prefix}%`]);
    return rows.map((row) => text(row.name));
  }

  test("commits together what arrives together", async () => {
    const group = committer();
    const results = await Promise.all(Array.from({ length: 50 }, (_, index) => group.commit(`a${index}`)));
    expect(results[49]).toBe("got a49");
    expect(sizes).toEqual([50]);
    expect(await stored("a")).toHaveLength(50);
  });

  test("commits in the next transaction what arrives during one", async () => {
    const group = committer({
      run: async (uow, requests) => {
        if (requests[0] === "b0") for (const name of ["b1", "b2", "b3"]) late.push(group.commit(name));
        return await insert(uow, requests);
      },
    });
    const late: Promise<string>[] = [];
    await group.commit("b0");
    await Promise.all(late);
    expect(sizes).toEqual([1, 3]);
  });

  test("bounds its batches", async () => {
    const group = committer({ maxBatch: 10 });
    await Promise.all(Array.from({ length: 25 }, (_, index) => group.commit(`c${index}`)));
    expect(sizes).toEqual([10, 10, 5]);
  });

  test("a request refused by its outcome leaves its neighbours alone", async () => {
    const group = committer();
    const results = await Promise.allSettled(["d1", "refused", "d2"].map((name) => group.commit(name)));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await stored("d")).toEqual(["d1", "d2"]);
  });

  test("a request that makes the batch throw fails alone", async () => {
    const group = committer();
    const requests = Array.from({ length: 16 }, (_, index) => (index === 5 ? `e${"x".repeat(30)}` : `e${index}`));
    const results = await Promise.allSettled(requests.map((name) => group.commit(name)));
    const failed = results.flatMap((result, index) => (result.status === "rejected" ? [[index, result.reason]] : []));
    expect(failed).toHaveLength(1);
    expect(failed[0]?.[0]).toBe(5);
    expect(failed[0]?.[1]).toBeInstanceOf(StoreError);
    expect(await stored("e")).toHaveLength(15);
  });

  test("tells a caller to come back when the queue is full", async () => {
    const group = committer({ maxQueue: 2 });
    const results = await Promise.allSettled(["f1", "f2", "f3"].map((name) => group.commit(name)));
    const error = results[2]?.status === "rejected" ? results[2].reason : undefined;
    expect(error).toMatchObject({ code: Code.ResourceExhausted });
    expect(retryAfterMsOf(error)).toBeGreaterThan(0);
    expect(await stored("f")).toEqual(["f1", "f2"]);
  });

  test("tells how many wait, and how many more it takes", async () => {
    const group = committer({ maxQueue: 5 });
    const commits = ["q1", "q2", "q3"].map((name) => group.commit(name));
    expect(group.queue()).toEqual({ waiting: 3, free: 2 });
    await Promise.all(commits);
    expect(group.queue()).toEqual({ waiting: 0, free: 5 });
  });

  test("a full queue says to come back when those who wait had their turn, by the measured rate", async () => {
    const group = committer({
      maxBatch: 1,
      maxQueue: 20,
      run: async (uow, requests) => {
        await delay(30);
        return await insert(uow, requests);
      },
    });
    await group.commit("l0");
    const waiting = Array.from({ length: 20 }, (_, index) => group.commit(`l${index + 1}`));
    const error = ConnectError.from(await group.commit("lx").catch((thrown: unknown) => thrown));
    // 20 batches of 30 ms and more.
    expect(retryAfterMsOf(error)).toBeGreaterThanOrEqual(600);
    expect(retryAfterMsOf(error)).toBeLessThan(10_000);
    await Promise.all(waiting);
  });

  test("refuses at once a caller whose deadline would pass in the queue, and no other", async () => {
    const group = committer({
      maxBatch: 1,
      run: async (uow, requests) => {
        await delay(30);
        return await insert(uow, requests);
      },
    });
    await group.commit("m0");
    const waiting = Array.from({ length: 20 }, (_, index) => group.commit(`m${index + 1}`));
    const asked = performance.now();
    const error = await group.commit("mx", { deadline: Date.now() + 300 }).catch((thrown: unknown) => thrown);
    expect(performance.now() - asked).toBeLessThan(25);
    expect(error).toMatchObject({ code: Code.ResourceExhausted });
    expect(await group.commit("my", { deadline: Date.now() + 60_000 })).toBe("got my");
    await Promise.all(waiting);
    expect(await group.commit("mz", { deadline: Date.now() + 1000 })).toBe("got mz");
  });

  test("batches become smaller where each request adds much, and never larger than allowed", async () => {
    const group = committer({
      targetMs: 20,
      maxBatch: 200,
      run: async (uow, requests) => {
        await delay(requests.length);
        return await insert(uow, requests);
      },
    });
    await group.commit("n-a");
    await Promise.all(Array.from({ length: 30 }, (_, index) => group.commit(`n-b${index}`)));
    await Promise.all(Array.from({ length: 300 }, (_, index) => group.commit(`n${index}`)));
    expect(Math.max(...sizes.slice(2))).toBeLessThan(60);
  });

  test("a second transaction begins beside a running one for many requests, not for a few", async () => {
    const first = Promise.withResolvers<void>();
    const group = committer({
      concurrency: 2,
      run: async (uow, requests) => {
        if (requests[0] === "p0") await first.promise;
        return await insert(uow, requests);
      },
    });
    const held = group.commit("p0");
    await delay(20);
    const few = group.commit("p1");
    await delay(20);
    expect(sizes).toEqual([]);
    const many = Array.from({ length: 20 }, (_, index) => group.commit(`p${index + 2}`));
    if (kind === "sqlite") first.resolve();
    await Promise.all([few, ...many]);
    first.resolve();
    await held;
    expect(sizes.toSorted((a, b) => a - b)).toEqual([1, 21]);
  });

  test("prepares each batch before its transaction", async () => {
    const group = groupCommit<string, string, number>({
      database,
      maxBatch: 2,
      prepare: async (count) => {
        await database.transact(async (uow) => uow.all("select 1 as one"));
        return count * 10;
      },
      run: async (_uow, requests, prepared) => requests.map((name) => ({ value: `${name} ${prepared}` })),
    });
    expect(await Promise.all(["q1", "q2", "q3"].map((name) => group.commit(name)))).toEqual([
      "q1 20",
      "q2 20",
      "q3 10",
    ]);
  });

  test("a request cancelled while it waits is not run", async () => {
    const group = committer();
    const abort = new AbortController();
    const cancelled = group.commit("g1", { signal: abort.signal });
    const kept = group.commit("g2");
    abort.abort();
    const error = await cancelled.catch((thrown: unknown) => thrown);
    expect(error instanceof ConnectError && reasonOf(error)).toBe("CANCELLED");
    await kept;
    expect(await stored("g")).toEqual(["g2"]);
  });

  test("a request cancelled while it runs is told its outcome", async () => {
    const abort = new AbortController();
    const group = committer({
      run: (uow, requests) => {
        abort.abort();
        return insert(uow, requests);
      },
    });
    expect(await group.commit("h1", { signal: abort.signal })).toBe("got h1");
  });

  test("refuses a run that forgets an outcome", async () => {
    const group = committer({ run: async () => [] });
    await expect(group.commit("i1")).rejects.toThrow("got 0 outcomes");
  });

  test("idle waits for the last commit", async () => {
    const group = committer();
    void group.commit("j1");
    void group.commit("j2");
    await group.idle();
    expect(await stored("j")).toEqual(["j1", "j2"]);
  });

  test("idempotency keys of a batch: each request once, over two batches", async () => {
    const claimOf = (name: string) => ({ scope: "s", key: name, fingerprint: name });
    const group = committer({
      run: async (uow, requests) => {
        const states = await uow.claimAll(requests.map(claimOf));
        const fresh = requests.filter((_name, index) => states[index]?.kind === "new");
        await insertRows(
          uow,
          "names",
          ["name"],
          fresh.map((name) => [name]),
        );
        uow.recordAll(fresh.map((name) => ({ claim: claimOf(name), answer: Buffer.from(`made ${name}`) })));
        return requests.map((name, index) => {
          const state = states[index];
          return {
            value: state?.kind === "finished" ? `again ${Buffer.from(state.answer)}` : `${state?.kind} ${name}`,
          };
        });
      },
    });
    expect(await Promise.all(["k1", "k2"].map((name) => group.commit(name)))).toEqual(["new k1", "new k2"]);
    expect(await Promise.all(["k2", "k3"].map((name) => group.commit(name)))).toEqual(["again made k2", "new k3"]);
  });

  test("20000 small commits lose and double nothing", async () => {
    const group = committer({ concurrency: kind === "sqlite" ? 1 : 2 });
    const results = await Promise.all(
      Array.from({ length: 20_000 }, (_, index) => group.commit(`z${index}`).catch(() => "full")),
    );
    const [row] = await database.read.all("select count(*) as n from names where name like 'z%'");
    expect(integer(row?.n)).toBe(results.filter((result) => result !== "full").length);
  });
});
