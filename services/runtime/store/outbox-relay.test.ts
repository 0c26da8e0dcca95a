import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { type DatabaseKind, databaseKinds } from "../../../test/support/databases.ts";
import { startNats } from "../../../test/support/nats.ts";
import { openForTest, openOn, quietLog } from "../../../test/support/open-database.ts";
import { counterMigration } from "../../../test/support/store-migrations.ts";
import { startStoreProcess } from "../../../test/support/store-process.ts";
import { temporaryDirectory } from "../../../test/support/temporary.ts";
import type { Delivery, EventBus, OutgoingMessage, StreamSpec } from "../events/bus.ts";
import { openEmbeddedBus } from "../events/embedded-bus.ts";
import { openJetStreamBus } from "../events/jetstream-bus.ts";
import { integer } from "./column.ts";
import type { Database } from "./database.ts";
import { type OutboxRelay, type OutboxRelayOptions, startOutboxRelay } from "./outbox-relay.ts";

const stream: StreamSpec = { name: "TEST", subjects: ["test.>"], maxAgeMs: 600_000, dedupeWindowMs: 120_000 };

async function embedded(): Promise<EventBus> {
  const bus = await openEmbeddedBus({ dataDir: temporaryDirectory(), log: quietLog });
  onTestFinished(() => bus.close());
  await bus.ensureStream(stream);
  return bus;
}

function relayFor(database: Database, bus: EventBus, options: Partial<OutboxRelayOptions> = {}): OutboxRelay {
  const relay = startOutboxRelay({ database, bus, log: quietLog, ...options });
  onTestFinished(() => relay.stop());
  return relay;
}

/** Everything that the stream hands to a new consumer, as it comes. */
async function collect(bus: EventBus): Promise<Delivery[]> {
  const seen: Delivery[] = [];
  const subscription = await bus.subscribe(
    {
      stream: "TEST",
      durable: "collect",
      subjects: ["test.>"],
      ackWaitMs: 30_000,
      maxDeliveries: 5,
      backoffMs: [100],
      batchSize: 500,
    },
    async (batch) => {
      seen.push(...batch);
      return batch.map(() => ({ kind: "ack" }));
    },
  );
  onTestFinished(() => subscription.stop());
  return seen;
}

async function until(done: () => boolean | Promise<boolean>, whatMs = 15_000): Promise<void> {
  const end = Date.now() + whatMs;
  while (!(await done())) {
    if (Date.now() > end) throw new Error("it did not happen in time");
    await delay(10);
  }
}

function emit(database: Database, ...texts: string[]): Promise<void> {
  return database.transact(async (uow) => {
    uow.emit(...texts.map((text) => ({ subject: "test.said", data: Buffer.from(text), headers: { text } })));
  });
}

const textOf = (delivery: Delivery): string => Buffer.from(delivery.data).toString();

async function left(database: Database): Promise<number> {
  const [row] = await database.read.all(`select count(*) as n from ${database.tables.outbox}`);
  return integer(row?.n);
}

/** Texts as the stream has them: what it delivered again, after a lost ack, has the same sequence. */
function storedOnce(seen: readonly Delivery[]): string[] {
  const bySequence = new Map(seen.map((delivery) => [delivery.sequence, textOf(delivery)]));
  return [...bySequence].sort(([a], [b]) => a - b).map(([, text]) => text);
}

describe.each(databaseKinds)("%s", (kind: DatabaseKind) => {
  test("publishes events in the order of their commits, with headers and ids, and deletes them", async () => {
    const { database } = await openForTest(kind);
    const bus = await embedded();
    const relay = relayFor(database, bus, { batchSize: 3 });
    const seen = await collect(bus);
    for (let index = 0; index < 10; index++) await emit(database, `${index}a`, `${index}b`);
    await relay.idle();
    await until(() => seen.length === 20);
    expect(seen.map(textOf)).toEqual(Array.from({ length: 10 }, (_, index) => [`${index}a`, `${index}b`]).flat());
    expect(seen[0]?.headers).toMatchObject({ text: "0a" });
    expect(new Set(seen.map(({ id }) => id)).size).toBe(20);
    expect(relay.problem).toBeUndefined();
  });

  test("relays at once what this process commits", async () => {
    const { database } = await openForTest(kind);
    const bus = await embedded();
    relayFor(database, bus, { pollMs: 60_000 });
    const seen = await collect(bus);
    await delay(100);
    await emit(database, "now");
    await until(() => seen.length === 1, 2000);
    expect(seen.map(textOf)).toEqual(["now"]);
  });

  test("relays by polling what another process commits", async () => {
    const { database, fresh } = await openForTest(kind);
    const other = await openOn(fresh);
    onTestFinished(() => other.close());
    const bus = await embedded();
    relayFor(database, bus);
    const seen = await collect(bus);
    await delay(100);
    await emit(other, "elsewhere");
    await until(() => seen.length === 1, 3000);
    expect(seen.map(textOf)).toEqual(["elsewhere"]);
  });

  test("only one of two relays works, and the other takes over when it stops", async () => {
    const { database, fresh } = await openForTest(kind);
    const other = await openOn(fresh);
    onTestFinished(() => other.close());
    const bus = await embedded();
    const first = relayFor(database, bus, { owner: "first", leaseMs: 1000 });
    await delay(100);
    relayFor(other, bus, { owner: "second", leaseMs: 1000 });
    const seen = await collect(bus);
    await emit(other, "for the first");
    await until(() => seen.length === 1);
    const [lease] = await database.read.all(`select owner from ${database.tables.leases}`);
    expect(lease?.owner).toBe("first");
    await first.stop();
    await emit(database, "for the second");
    await until(() => seen.length === 2, 3000);
  });

  test("an event that the bus refuses is kept and reported, and holds up no other", async () => {
    const { database } = await openForTest(kind);
    const bus = await embedded();
    const relay = relayFor(database, bus);
    const seen = await collect(bus);
    await database.transact(async (uow) => uow.emit({ subject: "nobody.wants.this", data: new Uint8Array() }));
    await emit(database, "after it");
    await until(() => seen.length === 1);
    await until(() => relay.problem !== undefined);
    await until(async () => (await left(database)) === 1);
  });

  test("waits for a bus that is away, and loses and doubles nothing", async () => {
    const { database } = await openForTest(kind);
    const nats = await startNats();
    onTestFinished(() => nats.stop());
    const bus = await openJetStreamBus({ natsUrl: nats.url, log: quietLog, ackTimeoutMs: 200, deadlineMs: 1000 });
    onTestFinished(() => bus.close());
    await bus.ensureStream(stream);
    const relay = relayFor(database, bus);
    const seen = await collect(bus);
    const all = Array.from({ length: 60 }, (_, index) => String(index));
    for (const text of all) {
      if (text === "20") await nats.kill();
      await emit(database, text);
      if (text === "40") {
        await until(() => relay.problem !== undefined);
        await nats.restart();
      }
    }
    await relay.idle();
    await until(() => seen.length >= 60);
    await delay(200);
    expect(storedOnce(seen)).toEqual(all);
    expect(relay.problem).toBeUndefined();
  });

  test("a killed relay loses and doubles nothing", async () => {
    const { database, fresh } = await openForTest(kind, [counterMigration]);
    const nats = await startNats();
    onTestFinished(() => nats.stop());
    const bus = await openJetStreamBus({ natsUrl: nats.url, log: quietLog });
    onTestFinished(() => bus.close());
    await bus.ensureStream(stream);
    const seen = await collect(bus);
    const count = 3000;
    for (let start = 0; start < count; start += 100) {
      await emit(database, ...Array.from({ length: 100 }, (_, index) => String(start + index)));
    }
    for (const afterMs of [5, 15]) {
      const child = startStoreProcess(fresh, { kind: "relay", natsUrl: nats.url });
      await child.report();
      await delay(afterMs);
      await child.kill();
    }
    const relay = relayFor(database, bus, { leaseMs: 1000 });
    await relay.idle();
    await until(() => seen.length >= count);
    await delay(200);
    expect(storedOnce(seen)).toEqual(Array.from({ length: count }, (_, index) => String(index)));
  });

  test("keeps the order of events that this process commits while several batches are on their way", async () => {
    const { database } = await openForTest(kind);
    const nats = await startNats();
    onTestFinished(() => nats.stop());
    const bus = await openJetStreamBus({ natsUrl: nats.url, log: quietLog });
    onTestFinished(() => bus.close());
    await bus.ensureStream(stream);
    const relay = relayFor(database, bus, { batchSize: 5 });
    const seen = await collect(bus);
    for (let index = 0; index < 300; index++) await emit(database, `${index}a`, `${index}b`, `${index}c`);
    await relay.idle();
    await until(() => seen.length >= 900);
    expect(storedOnce(seen)).toEqual(
      Array.from({ length: 300 }, (_, index) => [`${index}a`, `${index}b`, `${index}c`]).flat(),
    );
  });

  test("leaves to the table what a bus that is slow does not take, and publishes it in order once", async () => {
    const { database } = await openForTest(kind);
    const bus = await embedded();
    const open = Promise.withResolvers<void>();
    let longest = 0;
    const slow: EventBus = Object.assign(Object.create(bus) as EventBus, {
      publish: async (messages: readonly OutgoingMessage[]) => {
        longest = Math.max(longest, messages.length);
        await open.promise;
        await bus.publish(messages);
      },
    });
    const relay = relayFor(database, slow, { batchSize: 2, pollMs: 20 });
    const seen = await collect(bus);
    for (let index = 0; index < 100; index++) await emit(database, String(index));
    await delay(100);
    expect(await left(database)).toBe(100);
    open.resolve();
    await relay.idle();
    await until(() => seen.length === 100);
    expect(seen.map(textOf)).toEqual(Array.from({ length: 100 }, (_, index) => String(index)));
    expect(longest).toBe(2);
  });

  test("what was published and not deleted is published again under its id, and stored once", async () => {
    const { database, fresh } = await openForTest(kind);
    const bus = await embedded();
    const seen = await collect(bus);
    // As a process leaves it that ends after the acknowledgement.
    const run = database.read.run;
    let deletes = 0;
    const failing = await openOn(fresh);
    onTestFinished(() => failing.close());
    Object.assign(failing.read, {
      run: async (...statement: Parameters<typeof run>) => {
        if (!statement[0].startsWith("delete")) return await run(...statement);
        deletes++;
        throw new Error("the process is gone");
      },
    });
    const dying = startOutboxRelay({ database: failing, bus, log: quietLog, leaseMs: 1000 });
    await emit(database, "one", "two");
    await until(() => seen.length === 2 && deletes > 0);
    await dying.stop();
    expect(await left(database)).toBe(2);
    const relay = relayFor(database, bus, { leaseMs: 1000 });
    await relay.idle();
    await emit(database, "three");
    await until(() => seen.length >= 3);
    await delay(100);
    expect(seen.map(textOf)).toEqual(["one", "two", "three"]);
  });

  // SQLite has one writer: there everything waits for it.
  const servers = kind === "sqlite" ? [] : [kind];
  test.each(servers)(
    "on %s a transaction that is writing events holds up none that were committed before",
    async () => {
      const { database } = await openForTest(kind);
      const bus = await embedded();
      await emit(database, "before");
      const wrote = Promise.withResolvers<void>();
      const end = Promise.withResolvers<void>();
      const writing = database.transact(async (uow) => {
        uow.emit({ subject: "test.said", data: Buffer.from("later") });
        await uow.writeEvents();
        wrote.resolve();
        await end.promise;
      });
      await wrote.promise;
      relayFor(database, bus);
      await until(async () => (await left(database)) === 0, 2000).finally(() => end.resolve());
      await writing;
    },
  );

  test("an event larger than is kept in memory leaves in its turn", async () => {
    const { database } = await openForTest(kind);
    const bus = await embedded();
    const relay = relayFor(database, bus);
    const seen = await collect(bus);
    await delay(100);
    await emit(database, "before");
    await database.transact(async (uow) => uow.emit({ subject: "test.said", data: Buffer.alloc(100_000, "x") }));
    await emit(database, "after");
    await relay.idle();
    await until(() => seen.length === 3);
    expect(seen.map((delivery) => textOf(delivery).slice(0, 6))).toEqual(["before", "xxxxxx", "after"]);
  });

  test("stopping lets the batch in hand finish", async () => {
    const { database } = await openForTest(kind);
    const bus = await embedded();
    const relay = relayFor(database, bus);
    const seen = await collect(bus);
    await emit(database, "last");
    await relay.stop();
    const kept = await left(database);
    await until(() => seen.length + kept === 1);
  });
});
