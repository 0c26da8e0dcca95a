import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { makeCertificates } from "../../../test/support/certificates.ts";
import { startNats, type TestNats } from "../../../test/support/nats.ts";
import { startTlsNats } from "../../../test/support/tls-servers.ts";
import { openRegistration } from "../discovery/registration.ts";
import { instanceOf } from "../discovery/testing/instance-of.ts";
import { watchRegistry } from "../discovery/watch-registry.ts";
import type { TlsFiles } from "../tls/identity.ts";
import { consumerOf, message, newStream, recorder, silent, until } from "./contract/harness.ts";
import { openJetStreamBus } from "./jetstream-bus.ts";

const certificates = await makeCertificates();
const strangers = await makeCertificates();

async function open(natsUrl: string, tls: TlsFiles | undefined, connectWaitMs = 10_000) {
  const bus = await openJetStreamBus({ natsUrl, tls, log: silent, connectWaitMs });
  onTestFinished(() => bus.close());
  return bus;
}

describe.each([
  ["newest server", undefined],
  ["the distribution's server", "/usr/sbin/nats-server"],
])("%s", (_, binary) => {
  let nats: TestNats;

  beforeAll(async () => {
    nats = await startTlsNats("nats", certificates, binary);
  });

  afterAll(async () => {
    await nats.stop();
  });

  test.each(["127.0.0.1", "localhost"])("messages go over mTLS to %s", async (host) => {
    const bus = await open(`tls://${host}:${nats.port}`, certificates.files("order"));
    const stream = await newStream(bus);
    const { seen, handler } = recorder();
    await bus.subscribe(consumerOf(stream), handler);
    await bus.publish([message(`${stream.at}.x`, "a")]);
    await until(() => seen.length === 1);
  });

  test("the registry goes over mTLS", async () => {
    const options = { natsUrl: `tls://127.0.0.1:${nats.port}`, tls: certificates.files("order"), log: silent };
    const registration = await openRegistration(options);
    await registration.start([instanceOf("order-a")]);
    const watch = await watchRegistry(options);
    expect(watch.instances).toMatchObject([{ instanceId: "order-a" }]);
    await watch.close();
    await registration.stop();
  });

  test.each<[string, TlsFiles | undefined, string]>([
    ["without a certificate", undefined, "cannot be reached"],
    ["with a certificate of another authority", strangers.files("order"), "cannot be reached"],
  ])("nobody gets in %s", async (_, tls, said) => {
    await expect(open(`tls://127.0.0.1:${nats.port}`, tls, 500)).rejects.toThrow(said);
  });

  test("a reconnect after a rotation shows the new certificate", async () => {
    const own = await makeCertificates();
    const server = await startTlsNats("nats", own, binary);
    onTestFinished(() => server.stop());
    const bus = await open(`tls://127.0.0.1:${server.port}`, own.files("order"));
    await server.kill();
    await own.rotate();
    await server.restart();
    await until(async () => (await bus.check()) === undefined);
  });
});

test("a server whose certificate is not for the address that was called is not talked to", async () => {
  // `order` has no host name.
  const nats = await startTlsNats("order", certificates);
  onTestFinished(() => nats.stop());
  await expect(open(`tls://127.0.0.1:${nats.port}`, certificates.files("order"), 500)).rejects.toThrow(
    "cannot be reached",
  );
});

test("a server without TLS is not talked to where TLS was asked for", async () => {
  const nats = await startNats();
  onTestFinished(() => nats.stop());
  await expect(open(`tls://127.0.0.1:${nats.port}`, certificates.files("order"), 500)).rejects.toThrow(
    "cannot be reached",
  );
});
