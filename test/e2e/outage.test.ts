import { chmodSync } from "node:fs";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { SeckillService } from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import { retryAfterMsOf } from "@ordermesh/runtime/errors/inspect.ts";
import { createConnection } from "mysql2/promise";
import { expect, onTestFinished, test } from "vitest";
import { startMariadb } from "../../tools/components/mariadb.ts";
import { runProgram, startInstance } from "../support/instance.ts";
import { startNats } from "../support/nats.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const json = { "content-type": "application/json" };

/** An instance on a database server and a NATS of the test's own. */
async function start() {
  const directory = temporaryDirectory("outage");
  // The database server runs as another user when we are root.
  chmodSync(directory, 0o711);
  const [database, nats] = await Promise.all([startMariadb(directory), startNats()]);
  onTestFinished(() => Promise.all([database.stop(), nats.stop()]).then(() => {}));
  const connection = await createConnection(database.url);
  await connection.query("create database orders");
  await connection.end();
  const { url } = await startInstance({
    DATABASE_URL: `${database.url}/orders`,
    NATS_URL: nats.url,
    AUTH: "open",
    LOG_LEVEL: "silent",
  });
  const activity = { productId: "3001", productName: "Lamp", price: { currency: "CNY", minorUnits: 1250 } };
  const opened = await fetch(`${url}/v1/seckill/activities`, {
    method: "POST",
    headers: json,
    body: JSON.stringify({ ...activity, totalStock: 10, prewarm: true }),
  });
  expect(opened.status).toBe(200);
  return { url, database, nats };
}

function buy(url: string, buyerId: number): Promise<Response> {
  const body = JSON.stringify({ product_id: 3001, user_id: buyerId, quantity: 1 });
  return fetch(`${url}/api/v1/seckill/purchase`, { method: "POST", headers: json, body });
}

async function readiness(url: string): Promise<{ status: number; names: string[] }> {
  const response = await fetch(`${url}/readyz`);
  const { reasons = [] } = (await response.json()) as { reasons?: { name: string }[] };
  return { status: response.status, names: reasons.map(({ name }) => name) };
}

test("while the database is away every dialect says when to come back, at once", async () => {
  const { url, database } = await start();
  await database.stop();
  const began = Date.now();
  const answers = await Promise.all([
    fetch(`${url}/v1/orders`),
    fetch(`${url}/api/v1/orders/SK1`),
    buy(url, 1),
    fetch(`${url}/ordermesh.order.v1.SeckillService/Purchase`, {
      method: "POST",
      headers: json,
      body: JSON.stringify({ productId: "3001", buyerId: "2", quantity: 1 }),
    }),
  ]);
  const seen = answers.map(({ url, status, headers }) => [new URL(url).pathname, status, headers.get("retry-after")]);
  const rest = ["/v1/orders", "/api/v1/orders/SK1", "/api/v1/seckill/purchase"];
  expect(seen.slice(0, 3)).toEqual(rest.map((path) => [path, 503, "1"]));
  expect(seen[3]?.[1]).toBe(503);
  // OrderTracker tells failures in the body (its contract, 1.3).
  const legacy = await fetch(`${url}/users/lin.hao/orders/current`);
  expect([legacy.status, ((await legacy.clone().json()) as { success: boolean }).success]).toEqual([200, false]);
  for (const answer of [...answers, legacy]) expect(await answer.text()).not.toMatch(/ECONN|mysql|mariadb|sql/i);
  const seckill = createClient(SeckillService, createGrpcTransport({ baseUrl: url }));
  const purchase = seckill.purchase({ productId: "3001", buyerId: "3", quantity: 1n });
  const error = ConnectError.from(await purchase.catch((reason: unknown) => reason));
  expect(error.code).toBe(Code.Unavailable);
  expect(retryAfterMsOf(error)).toBe(1000);
  expect(Date.now() - began).toBeLessThan(6_000);
  await expect
    .poll(() => readiness(url))
    .toMatchObject({ status: 503, names: expect.arrayContaining(["order database"]) });
}, 60_000);

test("while NATS is away purchases are taken, messages are refused with a time to come back; then the orders are there", async () => {
  const { url, nats } = await start();
  await nats.kill();
  await expect.poll(() => readiness(url)).toMatchObject({ status: 503, names: expect.arrayContaining(["bus"]) });
  const bought = await buy(url, 7);
  expect(bought.status).toBe(200);
  const { order_id: orderId } = (await bought.json()) as { order_id: string };
  const published = await fetch(`${url}/ordermesh.events.v1.EventAdminService/PublishMessages`, {
    method: "POST",
    headers: json,
    body: JSON.stringify({ messages: [{ subject: "seckill.order.create", data: "e30=" }] }),
  });
  expect(published.status).toBe(503);
  expect(await published.json()).toMatchObject({ code: "unavailable", message: "the message bus does not answer" });
  await nats.restart();
  await expect.poll(() => readiness(url), { timeout: 15_000 }).toMatchObject({ status: 200 });
  await expect
    .poll(async () => (await fetch(`${url}/v1/orders?pageSize=5`).then((reply) => reply.text())).includes(orderId), {
      timeout: 15_000,
    })
    .toBe(true);
  const line = `{"order_id":"SK9","product_id":4100,"user_id":7,"quantity":1,"price":2.5,"message_type":"seckill_order"}`;
  expect(await runProgram("services/order/cli/publish.ts", ["-"], { ORDERMESH_URL: url }, line)).toMatchObject({
    code: 0,
  });
}, 90_000);
