import { watchRegistry } from "@ordermesh/runtime/discovery/watch-registry.ts";
import { silent } from "@ordermesh/runtime/events/contract/harness.ts";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { makeCertificates } from "../support/certificates.ts";
import { runProgram, startInstance } from "../support/instance.ts";
import { startTlsDatabase, startTlsNats } from "../support/tls-servers.ts";

const certificates = await makeCertificates();
const { cert, key, ca } = certificates.files("order");
const files = { TLS_CERT_FILE: cert, TLS_KEY_FILE: key, TLS_CA_FILE: ca };

test("an order service with TLS to everybody is in the registry from ready until it stops, drained first", async () => {
  const [database, nats] = await Promise.all([
    startTlsDatabase("postgres", certificates),
    startTlsNats("nats", certificates),
  ]);
  onTestFinished(() => Promise.all([database.stop(), nats.stop()]).then(() => {}));
  const client = new pg.Client({ connectionString: `${database.url}/postgres` });
  await client.connect();
  await client.query("create database orders");
  await client.end();
  const watch = await watchRegistry({ natsUrl: nats.url, tls: certificates.files("mesh"), log: silent });
  onTestFinished(() => watch.close());
  const seen: string[] = [];
  watch.onChange((instances) => seen.push(instances.map(({ state }) => state).join()));

  const order = await startInstance(
    {
      ...files,
      TLS_PEERS: "envoy,operator",
      DATABASE_URL: `${database.url}/orders`,
      DATABASE_TLS: "true",
      NATS_URL: nats.url,
      MESH_REGISTRY: "true",
      INSTANCE_ZONE: "north",
      DRAIN_DELAY_MS: "500",
      JWT_SECRET: "a-secret-of-at-least-32-characters",
      JWT_ISSUER: "shop",
      JWT_AUDIENCE: "ordermesh",
    },
    ["--services", "order"],
  );
  const [instance] = watch.instances;
  expect(instance).toMatchObject({
    service: "order",
    instanceId: expect.stringMatching(/^order-[0-9a-f]{12}$/),
    address: "127.0.0.1",
    port: Number(new URL(order.url).port),
    zone: "north",
    protocols: ["h2", "http/1.1"],
    state: "ready",
  });
  expect(instance?.rpcServices).toContain("ordermesh.order.v1.OrderService");

  const line = `{"order_id":"SK9","product_id":4100,"user_id":7,"quantity":1,"price":2.5,"message_type":"seckill_order"}`;
  const publish = "services/order/cli/publish.ts";
  expect(await runProgram(publish, ["-"], { NATS_URL: nats.url, ...files }, line)).toMatchObject({ code: 0 });

  expect(await order.stop()).toMatchObject({ code: 0 });
  await expect.poll(() => seen).toEqual(["ready", "draining", ""]);
}, 60_000);
