import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { databaseKinds, freshDatabase } from "../../../test/support/databases.ts";
import { openForTest, openOn, quietLog } from "../../../test/support/open-database.ts";
import { counterMigration, crashingMigration, slowMigration } from "../../../test/support/store-migrations.ts";
import { startStoreProcess } from "../../../test/support/store-process.ts";
import { integer, text } from "./column.ts";
import { acquireLease } from "./leases.ts";
import { migrator } from "./migrate.ts";
import { allocator } from "./sequence.ts";

describe.each(databaseKinds)("%s", (kind) => {
  test("two processes never get one id", async () => {
    const { database, fresh } = await openForTest(kind);
    const children = [1, 2].map(() => startStoreProcess(fresh, { kind: "allocate", name: "legacy", count: 40 }));
    const own = allocator(database, "legacy", 5);
    const ids: number[] = [];
    for (let count = 0; count < 40; count++) ids.push(...(await own.take(1)));
    for (const child of children) ids.push(...((await child.report()) as number[]));
    expect(ids).toHaveLength(120);
    expect(new Set(ids).size).toBe(120);
  });

  test("one of two processes gets a lease", async () => {
    const { database, fresh } = await openForTest(kind);
    const children = ["a", "b"].map((owner) => startStoreProcess(fresh, { kind: "acquire", name: "sweep", owner }));
    const owners = await Promise.all(children.map((child) => child.report()));
    expect(owners.filter((owner) => owner !== "")).toHaveLength(1);
    expect(await acquireLease(database, "sweep", "c", 1000)).toBeUndefined();
  });

  test("a killed process leaves whole transactions", async () => {
    const { database, fresh } = await openForTest(kind, [counterMigration]);
    for (const afterMs of [30, 47, 71]) {
      const child = startStoreProcess(fresh, { kind: "increment" });
      await child.report();
      await delay(afterMs);
      await child.kill();
      const told = new Set(child.reports);
      const counts = await Promise.all(
        ["select value as n from counter", `select count(*) as n from ${database.tables.outbox}`].map(async (query) =>
          integer((await database.read.all(query))[0]?.n),
        ),
      );
      const rows = await database.read.all("select id from increments");
      const handled = await database.read.all(`select count(*) as n from ${database.tables.inbox}`);
      const stored = new Set(rows.map((row) => text(row.id)));
      expect([...counts, integer(handled[0]?.n)]).toEqual([stored.size, stored.size, stored.size]);
      expect([...told].filter((id) => !stored.has(id as string))).toEqual([]);
    }
  });

  test("two processes that migrate at once apply every migration once", async () => {
    const fresh = await freshDatabase(kind);
    const children = [1, 2, 3].map(() => startStoreProcess(fresh, { kind: "migrate", migrations: "slow" }));
    const applied = (await Promise.all(children.map((child) => child.report()))) as string[][];
    const exits = await Promise.all(children.map((child) => child.exit));
    expect(exits).toEqual([0, 0, 0]);
    expect(applied.flat().sort()).toEqual(["test/0001-counter", "test/0002-slow", "test/runtime-0001-unit-of-work"]);
    const database = await openOn(fresh);
    await migrator(database, [counterMigration, slowMigration], quietLog).assertCurrent();
    await database.close();
    await fresh.drop();
  });

  test("a crash in the middle of a migration is undone, or refused by name at the next start", async () => {
    const fresh = await freshDatabase(kind);
    const child = startStoreProcess(fresh, { kind: "migrate", migrations: "crashing" });
    expect(await child.exit).toBeNull();
    const database = await openOn(fresh);
    const again = migrator(database, [counterMigration, { ...crashingMigration, up: async () => undefined }], quietLog);
    const states = (await again.status()).map(({ state }) => state);
    if (kind === "mysql") {
      expect(states).toEqual(["applied", "applied", "half"]);
      await expect(again.up()).rejects.toThrow(/half migrated \(test\/0002-crashing never ended\): restore the backup/);
      await expect(again.assertCurrent()).rejects.toThrow("half migrated");
    } else {
      expect(states).toEqual(["pending", "pending", "pending"]);
      expect(await again.up()).toHaveLength(3);
    }
    await database.close();
    await fresh.drop();
  });
});
