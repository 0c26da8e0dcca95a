import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary.ts";
import { StartupError } from "../lifecycle/startup-error.ts";
import type { EventBus } from "./bus.ts";
import { busContract } from "./bus-contract.ts";
import { ack, consumerOf, message, newStream, numbered, recorder, silent, textOf, until } from "./contract/harness.ts";
import { openEmbeddedBus } from "./embedded-bus.ts";
import { EmbeddedLog } from "./embedded-log.ts";
import { EmbeddedMessages } from "./embedded-messages.ts";

busContract("embedded bus", async () => {
  const dataDir = temporaryDirectory("bus");
  return {
    address: { natsUrl: undefined, dataDir },
    open: () => openEmbeddedBus({ dataDir, log: silent }),
    stop: async () => {},
  };
});

describe("embedded bus, its file", () => {
  let dataDir: string;
  let bus: EventBus;

  beforeEach(async () => {
    dataDir = temporaryDirectory("bus");
    bus = await openEmbeddedBus({ dataDir, log: silent });
  });

  afterEach(() => bus.close());

  test("belongs to one process", async () => {
    await expect(openEmbeddedBus({ dataDir, log: silent })).rejects.toThrow("another process has the database locked");
  });

  test("that is no bus is refused and left as it is", async () => {
    const other = temporaryDirectory("bus");
    writeFileSync(join(other, "bus.sqlite"), "something else entirely, long enough to be a header of a file");
    await expect(openEmbeddedBus({ dataDir: other, log: silent })).rejects.toThrow(
      new StartupError(
        `cannot open the event bus ${join(other, "bus.sqlite")}`,
        "the file is not an SQLite database; move it away",
      ),
    );
  });

  test("of a newer version is refused", async () => {
    await bus.close();
    const db = new DatabaseSync(join(dataDir, "bus.sqlite"));
    db.exec("pragma user_version = 99");
    db.close();
    await expect(openEmbeddedBus({ dataDir, log: silent })).rejects.toThrow(
      new StartupError(
        `the event bus ${join(dataDir, "bus.sqlite")} is newer than this program (version 99, not 1)`,
        "start the newer release, or set DATA_DIR to another folder",
      ),
    );
    const again = new DatabaseSync(join(dataDir, "bus.sqlite"));
    again.exec("pragma user_version = 1");
    again.close();
    bus = await openEmbeddedBus({ dataDir, log: silent });
  });

  test("remembers streams, messages, sequences and consumers", async () => {
    const stream = await newStream(bus);
    const first = recorder();
    await bus.subscribe(consumerOf(stream), first.handler);
    await bus.publish(numbered(`${stream.at}.x`, 5));
    await until(() => first.seen.length === 5);
    await bus.close();
    bus = await openEmbeddedBus({ dataDir, log: silent });
    await bus.publish([message(`${stream.at}.x`, "next")]);
    const second = recorder();
    await bus.subscribe(consumerOf(stream), second.handler);
    await until(() => second.seen.length === 1);
    expect(second.seen[0]).toMatchObject({ sequence: 6, attempt: 1 });
  });

  test("a retry that waits survives a restart with its count", async () => {
    const stream = await newStream(bus);
    let tried = 0;
    await bus.subscribe(consumerOf(stream), async (batch) => {
      tried += batch.length;
      return batch.map(() => ({ kind: "retry", reason: "later", delayMs: 400 }));
    });
    await bus.publish([message(`${stream.at}.x`, "a")]);
    await until(() => tried === 1);
    await bus.close();
    bus = await openEmbeddedBus({ dataDir, log: silent });
    const { seen, handler } = recorder();
    await bus.subscribe(consumerOf(stream), handler);
    await until(() => seen.length === 1);
    expect(seen[0]?.attempt).toBe(2);
  });

  test("a batch is cut by size", async () => {
    const stream = await newStream(bus);
    const data = new Uint8Array(900 * 1024);
    await bus.publish(Array.from({ length: 12 }, (_, i) => ({ subject: `${stream.at}.x`, id: String(i), data })));
    const { seen, batches, handler } = recorder();
    await bus.subscribe(consumerOf(stream), handler);
    await until(() => seen.length === 12);
    expect(Math.max(...batches)).toBeLessThanOrEqual(5);
  });

  test("a publish of one bad subject does not take others along", async () => {
    const stream = await newStream(bus);
    const [bad, good] = await Promise.allSettled([
      bus.publish([message("nobody.listens", "x")]),
      bus.publish([message(`${stream.at}.x`, "x")]),
    ]);
    expect([bad.status, good.status]).toEqual(["rejected", "fulfilled"]);
  });

  test("timers and network run while a large backlog is handled", async () => {
    const stream = await newStream(bus);
    await bus.publish(numbered(`${stream.at}.x`, 20_000));
    let seen = 0;
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    await bus.subscribe(consumerOf(stream, { batchSize: 500 }), async (batch) => {
      seen += batch.length;
      return batch.map(() => ack);
    });
    await until(() => seen === 20_000);
    clearInterval(timer);
    // A turn is about 500 rows, some milliseconds; the bound leaves room for a busy machine.
    expect(longest).toBeLessThan(500);
  });
});

describe("embedded messages", () => {
  test("pass away with their stream's age, with what waits for them", async () => {
    const log = new EmbeddedLog(join(temporaryDirectory("log"), "bus.sqlite"));
    const messages = new EmbeddedMessages(log);
    await messages.ensureStream({ name: "old", subjects: ["old.>"], maxAgeMs: 1000, dedupeWindowMs: 1000 });
    await log.commit(500, () => messages.append(numbered("old.x", 450)));
    await log.commit(1, () =>
      log.statement("update messages set stored_at = stored_at - 5000 where sequence <= 420").run(),
    );
    await log.commit(1, () => log.statement("insert into consumers (stream, durable) values ('old', 'c')").run());
    await log.commit(1, () =>
      log.statement("insert into pending values (1, 7, 1, 0, 0, 0), (1, 430, 1, 0, 0, 0)").run(),
    );
    await messages.expire();
    expect((await messages.next("old", "old.>", 1))?.sequence).toBe(421);
    expect(
      log
        .statement("select sequence from pending")
        .all()
        .map(({ sequence }) => sequence),
    ).toEqual([430]);
    log.close();
  });
});

describe("embedded log", () => {
  test("commits what arrives together, and only the failing piece fails", async () => {
    const log = new EmbeddedLog(join(temporaryDirectory("log"), "bus.sqlite"));
    const add = (name: string) =>
      log.commit(1, () => {
        log
          .statement("insert into streams (name, subjects, max_age_ms, dedupe_window_ms) values (?, '[]', 1, 1)")
          .run(name);
        return name;
      });
    const results = await Promise.allSettled([add("a"), add("a"), add("b")]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(
      log
        .statement("select name from streams order by name")
        .all()
        .map(({ name }) => name),
    ).toEqual(["a", "b"]);
    log.close();
    await expect(add("c")).rejects.toThrow("closed");
  });

  test("keeps what it acknowledged", async () => {
    const file = join(temporaryDirectory("log"), "bus.sqlite");
    const log = new EmbeddedLog(file);
    const messages = new EmbeddedMessages(log);
    await messages.ensureStream({ name: "s", subjects: ["s.>"], maxAgeMs: 60_000, dedupeWindowMs: 1000 });
    await log.commit(1, () => messages.append([message("s.x", "kept")]));
    log.close();
    const again = new EmbeddedLog(file);
    const kept = await new EmbeddedMessages(again).get("s", 1);
    expect(kept && textOf(kept)).toBe("kept");
    again.close();
  });
});
