import { connect } from "node:net";
import { integer } from "@ordermesh/runtime/store/column.ts";
import { expect, onTestFinished, test } from "vitest";
import { type DatabaseKind, freshDatabase } from "../support/databases.ts";
import { startInstance } from "../support/instance.ts";
import { startNats } from "../support/nats.ts";
import { openOn } from "../support/open-database.ts";

const clients = 64;
const stock = 1_000_000;

async function openSale(url: string): Promise<void> {
  const sale = {
    productId: "3001",
    productName: "Lamp",
    price: { currency: "CNY", minorUnits: 1250 },
    totalStock: stock,
    prewarm: true,
  };
  const headers = { "content-type": "application/json" };
  await fetch(`${url}/v1/seckill/activities`, { method: "POST", headers, body: JSON.stringify(sale) });
}

/**
 * Clients who buy as fast as they are answered, until the process is gone; `told` gets the orders of those who heard yes.
 * On bare sockets, or the clients would be slower than the process, and no crowd would wait.
 */
function rush(url: string, told: string[]): Promise<unknown> {
  const { hostname, port } = new URL(url);
  let buyers = 0;
  const buyAll = async (): Promise<void> => {
    const socket = connect(Number(port), hostname);
    const buy = () => {
      const body = JSON.stringify({ buyerId: String(++buyers), quantity: 1 });
      const head = `host: ${hostname}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
      socket.write(`POST /v1/seckill/products/3001:purchase HTTP/1.1\r\n${head}\r\n\r\n${body}`);
    };
    buy();
    let answer = "";
    for await (const chunk of socket) {
      answer += chunk;
      const orderId = /"orderId":\s*"([^"]+)".*\}$/s.exec(answer)?.[1];
      if (orderId === undefined) continue;
      told.push(orderId);
      answer = "";
      buy();
    }
  };
  return Promise.allSettled(Array.from({ length: clients }, buyAll));
}

test.each([
  ["sqlite", "embedded"],
  ["mysql", "jetstream"],
] as const)(
  "minishop 6 on %s and %s a process killed in a rush, with orders that wait, makes each of them when it is back",
  async (kind: DatabaseKind, bus) => {
    const fresh = await freshDatabase(kind);
    onTestFinished(() => fresh.drop());
    const nats = bus === "jetstream" ? await startNats() : undefined;
    onTestFinished(async () => nats?.stop());
    const env = {
      DATA_DIR: fresh.directory,
      AUTH: "open",
      LOG_LEVEL: "warn",
      PURCHASE_RUSH_SECONDS: "20",
      ...(fresh.url === undefined ? {} : { DATABASE_URL: fresh.url }),
      ...(nats === undefined ? {} : { NATS_URL: nats.url }),
    };
    const first = await startInstance(env);
    await openSale(first.url);
    const told: string[] = [];
    const buying = rush(first.url, told);
    await expect.poll(() => told.length, { timeout: 20_000 }).toBeGreaterThan(3000);
    await first.stop("SIGKILL");
    await buying;

    const database = await openOn(fresh, { service: "order" });
    onTestFinished(() => database.close());
    const count = async (rows: string) => integer((await database.read.all(`select count(*) as n from ${rows}`))[0]?.n);
    const reserved = await count("reservations");
    expect(reserved).toBeGreaterThanOrEqual(told.length);
    expect(await count("orders")).toBeLessThan(reserved);

    await startInstance(env);
    // Messages that the killed process held from JetStream come again after 30 s.
    await expect.poll(() => count("orders"), { timeout: 60_000, interval: 200 }).toBe(reserved);
    const made = await database.read.all("select o.id from orders o join reservations r on r.order_id = o.id");
    const ids = new Set(made.map(({ id }) => id));
    expect(ids.size).toBe(reserved);
    expect(told.filter((orderId) => !ids.has(orderId))).toEqual([]);
    const [sale] = await database.read.all("select free, reserved, sold from activities");
    const { free, reserved: held, sold } = sale ?? {};
    expect([free, held, sold].map(integer)).toEqual([stock - reserved, reserved, 0]);
  },
  120_000,
);
