import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds, type TestDatabase } from "../../../test/support/databases.ts";
import { openFresh, openOn } from "../../../test/support/open-database.ts";
import type { Database } from "./database.ts";
import { allocator } from "./sequence.ts";

describe.each(databaseKinds)("%s", (kind) => {
  let database: Database;
  let fresh: TestDatabase;
  let dispose: () => Promise<void>;

  beforeAll(async () => {
    ({ database, fresh, dispose } = await openFresh(kind));
  });
  afterAll(() => dispose());

  test("counts from 1", async () => {
    expect(await allocator(database, "fresh", 10).take(3)).toEqual([1, 2, 3]);
  });

  test("takes more than a block at a time", async () => {
    expect(await allocator(database, "large", 10).take(25)).toEqual(
      Array.from({ length: 25 }, (_, index) => index + 1),
    );
  });

  test("takes none", async () => {
    expect(await allocator(database, "none", 10).take(0)).toEqual([]);
  });

  test("asks the database once for a block", async () => {
    const ids = allocator(database, "blocks", 10);
    await ids.take(1);
    const other = allocator(database, "blocks", 10);
    expect([await other.take(1), await ids.take(9), await ids.take(1)]).toEqual([
      [11],
      [2, 3, 4, 5, 6, 7, 8, 9, 10],
      [21],
    ]);
  });

  test("hands out first what was given back", async () => {
    const ids = allocator(database, "back", 10);
    await ids.take(4);
    ids.giveBack([4, 2]);
    expect([await ids.take(3), await ids.take(1)]).toEqual([[2, 4, 5], [6]]);
  });

  test("never gives an id twice to concurrent callers of two processes", async () => {
    const second = await openOn(fresh);
    const allocators = [allocator(database, "shared", 7), allocator(second, "shared", 7)];
    const taken = await Promise.all(
      Array.from({ length: 60 }, (_, index) => allocators[index % 2]?.take(1 + (index % 5)) ?? []),
    );
    await second.close();
    const ids = taken.flat();
    expect(ids).toHaveLength(180);
    expect(new Set(ids).size).toBe(180);
  });

  test("goes on after a refusal of the database", async () => {
    const second = await openOn(fresh);
    const ids = allocator(second, "refused", 5);
    await second.close();
    await expect(ids.take(1)).rejects.toThrow();
    expect(await allocator(database, "refused", 5).take(1)).toEqual([1]);
  });
});
