import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { openForTest, quietLog } from "../../../test/support/open-database.ts";
import { integer } from "./column.ts";
import type { Database } from "./database.ts";
import { insertRows } from "./insert.ts";
import { sharedRetention, startRetention } from "./retention.ts";

const dayMs = 86_400_000;

async function fillInbox(database: Database, prefix: string, count: number, ageMs: number): Promise<void> {
  const { now, addMs } = database.dialect;
  await database.transact((uow) =>
    insertRows(
      uow,
      database.tables.inbox,
      ["consumer", "message_id", "unit", { name: "handled_at", expression: addMs(now, String(-ageMs)) }],
      Array.from({ length: count }, (_, index) => ["c", `${prefix}${index}`, 1]),
    ),
  );
}

async function inboxSize(database: Database): Promise<number> {
  return integer((await database.read.all(`select count(*) as n from ${database.tables.inbox}`))[0]?.n);
}

describe.each(databaseKinds)("%s", (kind) => {
  test("deletes what is older than its rule, and nothing else", async () => {
    const { database } = await openForTest(kind);
    await fillInbox(database, "old", 1700, 7 * dayMs + 5000);
    await fillInbox(database, "young", 30, 7 * dayMs - 60_000);
    const retention = startRetention({ database, rules: sharedRetention(database), log: quietLog });
    onTestFinished(() => retention.stop());
    expect(await retention.run()).toBe(1700);
    expect(await inboxSize(database)).toBe(30);
    expect(await retention.run()).toBe(0);
  });

  test("deletes idempotency keys after a day", async () => {
    const { database } = await openForTest(kind);
    const claim = { scope: "s", key: "k", fingerprint: "f" };
    const idempotency = { claim, encode: () => new Uint8Array([1]), decode: () => "stored" };
    await database.transact(async () => "ran", { idempotency });
    const rules = sharedRetention(database, { idempotencyMs: 20 });
    await delay(40);
    const retention = startRetention({ database, rules, log: quietLog });
    onTestFinished(() => retention.stop());
    await retention.run();
    expect(await database.transact(async () => "ran", { idempotency })).toBe("ran");
  });

  test("runs by itself", async () => {
    const { database } = await openForTest(kind);
    await fillInbox(database, "old", 3, 8 * dayMs);
    const retention = startRetention({ database, rules: sharedRetention(database), log: quietLog, everyMs: 20 });
    onTestFinished(() => retention.stop());
    for (let waited = 0; waited < 100 && (await inboxSize(database)) > 0; waited++) await delay(20);
    expect(await inboxSize(database)).toBe(0);
  });
});
