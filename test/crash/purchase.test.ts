import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { type DatabaseKind, freshDatabase } from "../support/databases.ts";
import { type Instance, startInstance } from "../support/instance.ts";
import { startNats } from "../support/nats.ts";
import { buyNatively, buyOnMiniShop, buyWithRetries, product, type Told } from "./purchase-client.ts";

const units = 100;
/** Buyers that join each of the three processes; the first two groups leave stock for the third. */
const groups = [40, 40, 120];

async function freePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return String(port);
}

async function startEnvironment(kind: DatabaseKind, bus: string): Promise<Record<string, string>> {
  const fresh = await freshDatabase(kind);
  onTestFinished(() => fresh.drop());
  const nats = bus === "jetstream" ? await startNats() : undefined;
  onTestFinished(async () => nats?.stop());
  return {
    PORT: await freePort(),
    DATA_DIR: fresh.directory,
    AUTH: "open",
    LOG_LEVEL: "warn",
    ...(fresh.url === undefined ? {} : { DATABASE_URL: fresh.url }),
    ...(nats === undefined ? {} : { NATS_URL: nats.url }),
  };
}

async function readJson<Body>(url: string, init?: RequestInit): Promise<{ status: number; body: Body }> {
  const response = await fetch(url, init);
  return { status: response.status, body: (await response.json()) as Body };
}

interface Stats {
  readonly stock: { readonly total: string; readonly free: string; readonly reserved: string; readonly sold: string };
  readonly buyerCount: string;
  readonly reservationCount: string;
  readonly orderCount: string;
}

/** The buyer as the native path and as MiniShop's path tells it. */
interface OrderBody {
  readonly buyerId?: string;
  readonly data?: { readonly user_id: number };
}

async function openSale(url: string): Promise<string> {
  const { body } = await readJson<{ activityId: string }>(`${url}/v1/seckill/activities`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      productId: String(product),
      productName: "Lamp",
      price: { currency: "CNY", minorUnits: 1250 },
      totalStock: units,
      prewarm: true,
    }),
  });
  return body.activityId;
}

async function statsOf(url: string, activityId: string) {
  const { body } = await readJson<Stats>(`${url}/v1/seckill/activities/${activityId}/stats`);
  const { total, free, reserved, sold } = body.stock;
  return {
    total: Number(total),
    free: Number(free),
    taken: Number(reserved) + Number(sold),
    buyers: Number(body.buyerCount),
    reservations: Number(body.reservationCount),
    orders: Number(body.orderCount),
  };
}

/** Every buyer's answer; the process is killed in each group but the last, with answers under way, and started again. */
async function sell(first: Instance, restart: () => Promise<Instance>) {
  const told = new Map<number, Told>();
  const clients: Promise<void>[] = [];
  let instance = first;
  let next = 1;
  for (const [index, size] of groups.entries()) {
    const killAt = told.size + 10;
    const enough = Promise.withResolvers<void>();
    const buy = async (buyer: number): Promise<void> => {
      told.set(buyer, await buyWithRetries(buyer % 2 === 0 ? buyNatively : buyOnMiniShop, first.url, buyer));
      if (told.size >= killAt) enough.resolve();
    };
    for (let count = 0; count < size; count++) clients.push(buy(next++));
    if (index === groups.length - 1) break;
    await Promise.race([enough.promise, Promise.all(clients)]);
    await instance.stop("SIGKILL");
    instance = await restart();
  }
  await Promise.all(clients);
  return { told, instance };
}

test.each([
  ["sqlite", "embedded"],
  ["mysql", "jetstream"],
  ["postgres", "embedded"],
] as const)(
  "minishop 6 on %s and %s 200 buyers get exactly 100 units, though the process is killed twice",
  async (kind, bus) => {
    const env = await startEnvironment(kind, bus);
    const first = await startInstance(env);
    const { url } = first;
    const activityId = await openSale(url);
    const { told, instance } = await sell(first, async () => {
      const restarted = await startInstance(env);
      const { total, free, taken } = await statsOf(url, activityId);
      expect(free + taken).toBe(total);
      expect(taken).toBeLessThan(units);
      return restarted;
    });

    const stats = { total: units, free: 0, taken: units, buyers: units, reservations: units };
    expect(await statsOf(url, activityId)).toMatchObject(stats);
    const answers = [...told.values()];
    expect(answers.filter(({ kind }) => kind === "sold-out")).toHaveLength(units);

    // A killed process keeps the lease of the outbox for 10 s, and messages that it held from JetStream for 30 s.
    await expect
      .poll(() => statsOf(url, activityId), { timeout: 45_000, interval: 200 })
      .toEqual({ ...stats, orders: units });
    const yes = [...told].flatMap(([buyer, answer]) => (answer.kind === "yes" ? [{ buyer, ...answer }] : []));
    for (const { buyer, orderPath } of yes) {
      const { status, body } = await readJson<OrderBody>(`${url}${orderPath}`);
      expect({ status, buyer: String(body.data?.user_id ?? body.buyerId) }).toEqual({ status: 200, buyer: `${buyer}` });
    }
    const listed = await readJson<{ totalSize: string }>(`${url}/v1/orders?includeTotal=true`);
    expect(listed.body.totalSize).toBe(String(units));
    // Who hung up on a yes without a key hears of it as a refusal; the others heard yes.
    expect(answers.filter(({ kind }) => kind === "bought-before").length + yes.length).toBe(units);
    expect((await instance.stop()).code).toBe(0);
  },
  90_000,
);
