import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { openFresh } from "../../../test/support/open-database.ts";
import type { Database } from "./database.ts";
import { acquireLease, type Lease, releaseLease, renewLease } from "./leases.ts";

describe.each(databaseKinds)("%s", (kind) => {
  let database: Database;
  let dispose: () => Promise<void>;

  beforeAll(async () => {
    ({ database, dispose } = await openFresh(kind));
  });
  afterAll(() => dispose());

  async function acquired(name: string, owner: string, ttlMs = 60_000): Promise<Lease> {
    const lease = await acquireLease(database, name, owner, ttlMs);
    if (lease === undefined) throw new Error("not acquired");
    return lease;
  }

  /** As if the time had passed. */
  async function expire(name: string): Promise<void> {
    const { now, addMs } = database.dialect;
    await database.read.run(`update ${database.tables.leases} set expires_at = ${addMs(now, "-1000")} where name = ?`, [
      name,
    ]);
  }

  test("one of 20 owners gets a new lease", async () => {
    const owners = Array.from({ length: 20 }, (_unused, index) => `owner-${index}`);
    const leases = await Promise.all(owners.map((owner) => acquireLease(database, "race", owner, 60_000)));
    expect(leases.filter((lease) => lease !== undefined)).toHaveLength(1);
  });

  test("one of 20 owners gets an expired lease", async () => {
    await acquired("expired-race", "dead");
    await expire("expired-race");
    const owners = Array.from({ length: 20 }, (_unused, index) => `owner-${index}`);
    const leases = await Promise.all(owners.map((owner) => acquireLease(database, "expired-race", owner, 60_000)));
    expect(leases.filter((lease) => lease !== undefined)).toHaveLength(1);
  });

  test("is another owner's until it expires", async () => {
    await acquired("held", "a");
    expect(await acquireLease(database, "held", "b", 60_000)).toBeUndefined();
    await expire("held");
    expect(await acquireLease(database, "held", "b", 60_000)).toMatchObject({ owner: "b", fencing: 2 });
  });

  test("expires by itself on the database clock", async () => {
    await acquired("short", "a", 50);
    await delay(80);
    expect(await acquireLease(database, "short", "b", 60_000)).toMatchObject({ owner: "b" });
  });

  test("is given to its owner again, under a higher fencing number", async () => {
    const first = await acquired("again", "a");
    expect((await acquired("again", "a")).fencing).toBeGreaterThan(first.fencing);
  });

  test("a renewal extends it", async () => {
    const lease = await acquired("renewed", "a", 200);
    expect(await renewLease(database, lease, 60_000)).toBe(true);
    await delay(250);
    expect(await acquireLease(database, "renewed", "b", 60_000)).toBeUndefined();
  });

  test("two renewals within one millisecond both count", async () => {
    const lease = await acquired("twice", "a");
    expect(await Promise.all([renewLease(database, lease, 60_000), renewLease(database, lease, 60_000)])).toEqual([
      true,
      true,
    ]);
  });

  test("a lease that was lost cannot be renewed or released", async () => {
    const lost = await acquired("lost", "a");
    await expire("lost");
    await acquired("lost", "b");
    expect(await renewLease(database, lost, 60_000)).toBe(false);
    await releaseLease(database, lost);
    expect(await acquireLease(database, "lost", "c", 60_000)).toBeUndefined();
  });

  test("an expired lease cannot be renewed even if nobody took it", async () => {
    const lease = await acquired("late", "a");
    await expire("late");
    expect(await renewLease(database, lease, 60_000)).toBe(false);
  });

  test("a released lease is free at once and its fencing number goes on", async () => {
    await releaseLease(database, await acquired("freed", "a"));
    expect(await acquireLease(database, "freed", "b", 60_000)).toMatchObject({ owner: "b", fencing: 2 });
  });
});
