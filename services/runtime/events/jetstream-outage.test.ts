import { execFileSync } from "node:child_process";
import { connect, headers } from "nats";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startNats, type TestNats } from "../../../test/support/nats.ts";
import { temporaryDirectory } from "../../../test/support/temporary.ts";
import type { EventBus } from "./bus.ts";
import {
  ack,
  consumerOf,
  message,
  newStream,
  numbered,
  recorder,
  silent,
  sleep,
  startChild,
  textOf,
  until,
} from "./contract/harness.ts";
import { openJetStreamBus } from "./jetstream-bus.ts";

/** Several filters on one consumer came with 2.10. */
function takesFilters(binary: string): boolean {
  const [, minor] = /v2\.(\d+)/.exec(execFileSync(binary, ["--version"], { encoding: "utf8" })) ?? [];
  return Number(minor) >= 10;
}

describe.each([
  ["newest server", undefined],
  ["the distribution's server", "/usr/sbin/nats-server"],
])("JetStream, %s", (_, binary) => {
  let nats: TestNats;
  let bus: EventBus;

  beforeEach(async () => {
    nats = await startNats({ binary });
    bus = await openJetStreamBus({ natsUrl: nats.url, log: silent, ackTimeoutMs: 500, deadlineMs: 8000 });
  });

  afterEach(async () => {
    await bus.close();
    await nats.stop();
  });

  test("publishing goes on when the server comes back", async () => {
    const stream = await newStream(bus);
    await nats.kill();
    await until(async () => (await bus.check()) !== undefined);
    const published = bus.publish(numbered(`${stream.at}.x`, 100));
    await sleep(500);
    await nats.restart();
    await published;
    const { seen, handler } = recorder();
    await bus.subscribe(consumerOf(stream), handler);
    await until(() => seen.length >= 100);
    await sleep(100);
    expect(seen.map(textOf)).toEqual(Array.from({ length: 100 }, (_, i) => String(i)));
  });

  test("a publish that was rejected can be repeated with the same ids", async () => {
    const impatient = await openJetStreamBus({ natsUrl: nats.url, log: silent, deadlineMs: 500 });
    const stream = await newStream(impatient);
    const messages = numbered(`${stream.at}.x`, 2000);
    const first = impatient.publish(messages);
    await nats.kill();
    await expect(first.then(() => impatient.publish([message(`${stream.at}.x`, "late")]))).rejects.toThrow(
      "not known to be stored",
    );
    await nats.restart();
    await until(async () => (await impatient.check()) === undefined);
    await impatient.publish(messages);
    const { seen, handler } = recorder();
    await impatient.subscribe(consumerOf(stream, { batchSize: 500 }), handler);
    await until(() => seen.length >= 2000);
    await sleep(100);
    expect(seen.length).toBe(2000);
    await impatient.close();
  });

  test("a consumer goes on after the server was killed, twice, under load", async () => {
    const stream = await newStream(bus);
    const seen = new Set<string>();
    const subscription = await bus.subscribe(consumerOf(stream, { batchSize: 20, ackWaitMs: 1000 }), async (batch) => {
      await sleep(2);
      for (const delivery of batch) seen.add(textOf(delivery));
      return batch.map(() => ack);
    });
    const messages = numbered(`${stream.at}.x`, 3000);
    const published = (async () => {
      for (let i = 0; i < messages.length; i += 100) await bus.publish(messages.slice(i, i + 100));
    })();
    for (const at of [300, 1500]) {
      await until(() => seen.size >= at);
      await nats.kill();
      await until(() => !subscription.healthy);
      await nats.restart();
      await until(() => subscription.healthy);
    }
    await published;
    await until(() => seen.size === 3000);
    expect(await bus.deadLetters.list({ limit: 1 })).toEqual([]);
  });

  test("an idle consumer notices a server that was away", async () => {
    const stream = await newStream(bus);
    const { seen, handler } = recorder();
    const subscription = await bus.subscribe(consumerOf(stream), handler);
    await sleep(100);
    await nats.kill();
    await until(() => !subscription.healthy);
    expect(await bus.check()).toBe("not connected to NATS");
    await nats.restart();
    await until(() => subscription.healthy);
    expect(await bus.check()).toBeUndefined();
    await bus.publish(numbered(`${stream.at}.x`, 3));
    await until(() => seen.length === 3);
  });

  test("a server that comes back without its store gets streams and consumers again", async () => {
    const stream = await newStream(bus);
    const { seen, handler } = recorder();
    const subscription = await bus.subscribe(consumerOf(stream), handler);
    const port = nats.port;
    await nats.stop();
    nats = await startNats({ binary, port });
    await until(() => subscription.healthy);
    await bus.publish([message(`${stream.at}.x`, "new")]);
    await until(() => seen.length === 1);
  });

  test("a consumer that was deleted is made again", async () => {
    const stream = await newStream(bus);
    const { seen, handler } = recorder();
    await bus.subscribe(consumerOf(stream), handler);
    const nc = await connect({ servers: nats.url });
    await (await nc.jetstreamManager()).consumers.delete(stream.name, "worker");
    await nc.close();
    await bus.publish([message(`${stream.at}.x`, "a")]);
    await until(() => seen.length === 1);
  });

  test("the second process of a durable takes over what a killed one held", async () => {
    const stream = await newStream(bus);
    const spec = consumerOf(stream, { batchSize: 10, ackWaitMs: 1000 });
    const address = { natsUrl: nats.url, dataDir: temporaryDirectory("unused") };
    const child = startChild({ kind: "hold", address, stream, spec });
    await bus.publish(numbered(`${stream.at}.x`, 40));
    await until(() => child.reports.length > 10);
    const { seen, handler } = recorder();
    await bus.subscribe(spec, handler);
    await sleep(300);
    await child.kill();
    await until(() => new Set([...seen.map(textOf), ...child.reports.slice(0, 10)]).size === 40);
    expect(seen.every((delivery) => !child.reports.slice(0, 10).includes(textOf(delivery)))).toBe(true);
  });

  test("another subscription gets what a handler never answers for", async () => {
    const stream = await newStream(bus);
    const spec = consumerOf(stream, { ackWaitMs: 300 });
    const stuck = await bus.subscribe(spec, () => new Promise(() => {}));
    await bus.publish([message(`${stream.at}.x`, "a")]);
    await sleep(50);
    const { seen, handler } = recorder();
    await bus.subscribe(spec, handler);
    await sleep(1500);
    expect(seen).toEqual([]);
    await until(() => seen.length === 1);
    expect(stuck.healthy).toBe(false);
  });

  test("closes without waiting for a server that is away", async () => {
    const other = await openJetStreamBus({ natsUrl: nats.url, log: silent });
    const stream = await newStream(other);
    await other.subscribe(consumerOf(stream), recorder().handler);
    await nats.kill();
    await until(async () => (await other.check()) !== undefined);
    const rejected = expect(other.publish([message(`${stream.at}.x`, "a")])).rejects.toThrow("closed");
    const before = Date.now();
    await other.close();
    await rejected;
    expect(Date.now() - before).toBeLessThan(1000);
    await nats.restart();
  });

  test("says which feature the server lacks, and does without", async () => {
    const stream = await newStream(bus);
    await bus.subscribe(consumerOf(stream, { subjects: [`${stream.at}.a`, `${stream.at}.b`] }), recorder().handler);
    const complete = binary === undefined || takesFilters(binary);
    expect([...bus.unsupported]).toEqual(complete ? [] : ["several filters on one consumer"]);
  });

  test.each([
    ["one filter to another", [".a"], [".b"]],
    ["one filter to several", [".a"], [".b", ".c"]],
    ["several filters to one", [".a", ".c"], [".b"]],
  ])("a durable's subjects change from %s", async (_, before, after) => {
    const stream = await newStream(bus);
    const filters = (ends: string[]) => ends.map((end) => stream.at + end);
    const first = await bus.subscribe(consumerOf(stream, { subjects: filters(before) }), recorder().handler);
    await first.stop();
    await bus.publish([message(`${stream.at}.b`, "b")]);
    const { seen, handler } = recorder();
    await bus.subscribe(consumerOf(stream, { subjects: filters(after) }), handler);
    await until(() => seen.length === 1);
  });

  test("takes foreign messages without id, with repeated and odd headers", async () => {
    const stream = await newStream(bus);
    const nc = await connect({ servers: nats.url });
    const foreign = headers();
    foreign.append("X-Twice", "one");
    foreign.append("X-Twice", "two");
    nc.publish(`${stream.at}.x`, "foreign", { headers: foreign });
    nc.publish(`${stream.at}.x`, "bare");
    await nc.flush();
    await nc.close();
    const { seen, handler } = recorder();
    await bus.subscribe(consumerOf(stream), handler);
    await until(() => seen.length === 2);
    expect(seen.map(({ id, headers }) => ({ id, headers }))).toEqual([
      { id: "", headers: { "X-Twice": "one" } },
      { id: "", headers: {} },
    ]);
  });

  test("a foreign message too large to be copied is dead with its bytes left in its stream", async () => {
    const stream = await newStream(bus);
    const nc = await connect({ servers: nats.url });
    const data = new Uint8Array(1024 * 1024).fill(9);
    nc.publish(`${stream.at}.x`, data);
    await nc.flush();
    await nc.close();
    const reject = await bus.subscribe(consumerOf(stream), async (batch) =>
      batch.map(() => ({ kind: "reject", reason: "too large" })),
    );
    await until(async () => (await bus.deadLetters.list({ limit: 1 })).length === 1);
    await reject.stop();
    const [letter] = await bus.deadLetters.list({ limit: 1 });
    expect(Buffer.compare(letter?.data ?? Buffer.from("missing"), data)).toBe(0);
  });

  test("an unreachable server is named, without its password", async () => {
    const natsUrl = "nats://user:secret@127.0.0.1:1";
    const opened = openJetStreamBus({ natsUrl, log: silent, connectWaitMs: 300 });
    const error: unknown = await opened.catch((reason: unknown) => reason);
    expect(String(error)).toContain("NATS at 127.0.0.1:1 cannot be reached");
    expect(String(error)).not.toContain("secret");
  });
});
