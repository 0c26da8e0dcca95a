import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "nats";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { startNats, type TestNats } from "../../../test/support/nats.ts";
import { recordingLog } from "../rpc/testing/echo.ts";
import { openRegistration, type RegistrationOptions } from "./registration.ts";
import { instanceOf } from "./testing/instance-of.ts";
import type { Registered } from "./testing/registered-child.ts";
import { type RegistryWatch, type RegistryWatchOptions, watchRegistry } from "./watch-registry.ts";

/** Ten times as fast as in service. */
const fast = { heartbeatMs: 200, expiryMs: 600 };

describe.each([
  ["newest server", undefined],
  ["the distribution's server", "/usr/sbin/nats-server"],
])("%s", (_, binary) => {
  let nats: TestNats;

  beforeEach(async () => {
    nats = await startNats({ binary });
  });

  afterEach(async () => {
    await nats.stop();
  });

  async function watch(options: Partial<RegistryWatchOptions> = {}): Promise<RegistryWatch> {
    const watched = await watchRegistry({ natsUrl: nats.url, log: recordingLog().log, ...options });
    onTestFinished(() => watched.close());
    return watched;
  }

  async function register(id: string, options: Partial<RegistrationOptions> = {}) {
    const registration = await openRegistration({ natsUrl: nats.url, log: recordingLog().log, ...options });
    onTestFinished(() => registration.stop());
    await registration.start([instanceOf(id)]);
    return registration;
  }

  const idsOf = ({ instances }: RegistryWatch) => instances.map(({ instanceId }) => instanceId);

  test("who registers is seen, by those who watch and by those who come later", async () => {
    const early = await watch();
    expect(early.instances).toEqual([]);
    expect(early.isCurrent()).toBe(true);
    await register("order-a");
    await expect.poll(() => idsOf(early)).toEqual(["order-a"]);
    const late = await watch();
    expect(late.instances).toEqual([{ ...instanceOf("order-a"), startedAt: expect.any(Number), state: "ready" }]);
  });

  test("who drains says so, and who stops is gone at once", async () => {
    const watched = await watch();
    const registration = await register("order-a");
    await expect.poll(() => idsOf(watched)).toEqual(["order-a"]);
    await registration.drain();
    await expect.poll(() => watched.instances[0]?.state).toBe("draining");
    const began = Date.now();
    await registration.stop();
    await expect.poll(() => idsOf(watched)).toEqual([]);
    expect(Date.now() - began).toBeLessThan(1_000);
    expect(idsOf(await watch())).toEqual([]);
  });

  test("listeners hear of changes, not of heartbeats, until they are told to stop", async () => {
    const watched = await watch(fast);
    const heard: string[][] = [];
    const unsubscribe = watched.onChange((instances) => heard.push(instances.map(({ instanceId }) => instanceId)));
    await register("order-b", fast);
    await register("order-a", fast);
    await expect.poll(() => heard.length).toBe(2);
    await sleep(1_000);
    expect(heard).toEqual([["order-b"], ["order-a", "order-b"]]);
    unsubscribe();
    await register("order-c", fast);
    await expect.poll(() => idsOf(watched)).toHaveLength(3);
    expect(heard).toHaveLength(2);
  });

  test("who is killed is gone within ten seconds, and two watchers agree", async () => {
    const watchers = [await watch(), await watch()];
    const [killed, alive] = await Promise.all([startChild(nats.url), startChild(nats.url)]);
    const both = [killed.id, alive.id].sort();
    for (const watched of watchers) await expect.poll(() => idsOf(watched)).toEqual(both);
    const began = Date.now();
    killed.kill();
    for (const watched of watchers) await expect.poll(() => idsOf(watched), { timeout: 12_000 }).toEqual([alive.id]);
    expect(Date.now() - began).toBeLessThan(10_000);
  }, 30_000);

  test("an outage of NATS of 15 seconds expires nobody; who died meanwhile is gone after it", async () => {
    const watched = await watch();
    await register("order-a");
    const child = await startChild(nats.url);
    await expect.poll(() => idsOf(watched)).toHaveLength(2);
    const seen = new Set<string>();
    watched.onChange((instances) => seen.add(instances.map(({ instanceId }) => instanceId).join()));
    await nats.kill();
    child.kill();
    await expect.poll(() => watched.isCurrent()).toBe(false);
    await sleep(15_000);
    expect(idsOf(watched)).toHaveLength(2);
    await nats.restart();
    await expect.poll(() => watched.isCurrent(), { timeout: 15_000 }).toBe(true);
    expect(idsOf(watched)).toHaveLength(2);
    await expect.poll(() => idsOf(watched), { timeout: 10_000 }).toEqual(["order-a"]);
    expect([...seen]).toEqual(["order-a"]);
  }, 60_000);

  test("a NATS server that hangs expires nobody", async () => {
    const watched = await watch(fast);
    await register("order-a", fast);
    await expect.poll(() => idsOf(watched)).toEqual(["order-a"]);
    let changes = 0;
    watched.onChange(() => (changes += 1));
    process.kill(nats.pid, "SIGSTOP");
    await expect.poll(() => watched.isCurrent()).toBe(false);
    await sleep(2_000);
    process.kill(nats.pid, "SIGCONT");
    await expect.poll(() => watched.isCurrent()).toBe(true);
    await sleep(1_000);
    expect(changes).toBe(0);
    expect(idsOf(watched)).toEqual(["order-a"]);
  });

  test("a server that comes back without its store gets everybody again", async () => {
    const watched = await watch(fast);
    await register("order-a", fast);
    await expect.poll(() => idsOf(watched)).toEqual(["order-a"]);
    const { port } = nats;
    await nats.stop();
    nats = await startNats({ binary, port });
    await expect.poll(async () => idsOf(await watch(fast)), { timeout: 10_000 }).toEqual(["order-a"]);
    expect(idsOf(watched)).toEqual(["order-a"]);
  });

  test("a stop goes on without NATS", async () => {
    const registration = await register("order-a");
    await nats.kill();
    await sleep(200);
    const began = Date.now();
    await registration.drain();
    await registration.stop();
    expect(Date.now() - began).toBeLessThan(4_000);
  });

  test("what is no instance is passed over, and told", async () => {
    const { log, lines } = recordingLog();
    const watched = await watch({ log });
    const nc = await connect({ servers: nats.url });
    const kv = await nc.jetstream().views.kv("MESH_REGISTRY");
    await kv.put("order.order-x", '{"service":"order"}');
    await kv.put("order.order-y", "nonsense");
    await register("order-a");
    await expect.poll(() => idsOf(watched)).toEqual(["order-a"]);
    await expect
      .poll(() => lines.filter(({ msg }) => msg === "an entry of the registry is no instance").length)
      .toBe(2);
    await nc.close();
  });

  test("any KV client reads the bucket", async () => {
    await register("order-a");
    const nc = await connect({ servers: nats.url });
    const kv = await nc.jetstream().views.kv("MESH_REGISTRY");
    expect((await kv.get("order.order-a"))?.json()).toMatchObject({ instanceId: "order-a", state: "ready" });
    await kv.delete("order.order-a");
    await nc.close();
  });
});

/** A process that registers itself. */
async function startChild(natsUrl: string): Promise<{ id: string; kill(): void }> {
  const child = fork(join(import.meta.dirname, "testing/registered-child.ts"), [natsUrl]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const [{ instanceId: id }] = (await once(child, "message")) as [Registered];
  return { id, kill: () => void child.kill("SIGKILL") };
}
