import { setTimeout as sleep } from "node:timers/promises";
import type { Bench } from "../../bench.ts";
import { authorization, jwtEnvironment } from "../../credentials.ts";
import type { LoadPlan } from "../../load/plan.ts";
import type { LoadResult } from "../../load/run-load.ts";
import type { Component } from "../../machine/components.ts";
import { countOrders, newPlace, openStore, type Place } from "../../machine/order-store.ts";
import type { ServerProcess } from "../../suite.ts";
import type { Front, PurchaseRequests, Told } from "./purchase-requests.ts";
import { type Sale, verifySales } from "./verify.ts";

/** The one refusal that a buyer may hear. */
const soldOut = "not enough stock";
const settleWithinMs = 30_000;

/** A server that sells, where it keeps its orders, and what its buyers were told. */
export interface Shop {
  readonly place: Place;
  readonly servers: readonly ServerProcess[];
  openSale(total: number): Promise<Sale>;
  /** 64 clients, or as many as planned, buy one unit each time, every time as another buyer. Throws where one is refused but for the stock. */
  buy(sale: Sale, front: Front, plan: BuyingPlan): Promise<Bought>;
  /** Waits until every yes is an order and the outbox is empty; returns how long that took (milliseconds). */
  settle(): Promise<number>;
  /** Settles, and throws unless what is stored is what the buyers were told. */
  verify(): Promise<void>;
}

export type BuyingPlan = Pick<LoadPlan, "durationMs" | "rate" | "maximumRequests"> &
  Partial<Pick<LoadPlan, "connections">>;

export interface Bought extends LoadResult {
  readonly summary: Told;
}

/** The whole service as it is run. */
export const ordermesh = import.meta.resolve("../../../services/main.ts");

/**
 * Starts a program on a fresh database of the server with a broker of its own, or embedded where there is no server.
 * Several instances of it share both, and the buyers.
 */
export async function openShop(
  bench: Bench,
  program: string,
  server: Component | undefined,
  instances = 1,
): Promise<Shop> {
  const place = await newPlace(bench, server);
  const nats = server === undefined ? undefined : await bench.startNats();
  // A server that cannot serve 64 buyers in its 10 seconds is to be measured, not to refuse them.
  const embedded = { PORT: "0", LOG_LEVEL: "warn", DEFAULT_TIMEOUT_MS: "60000", DATA_DIR: place.directory };
  const env =
    place.url === undefined || nats === undefined
      ? embedded
      : { ...embedded, ...jwtEnvironment, DATABASE_URL: place.url, NATS_URL: nats.url };
  const first = await bench.startServer({ name: "ordermesh", program, env });
  const children = [first];
  while (children.length < instances) {
    const own = { ...env, DATA_DIR: bench.directory("instance") };
    children.push(await bench.startServer({ name: "ordermesh", program, env: own }));
  }
  const database = await openStore(place);
  bench.defer(() => database.close());
  const servers = [...children, server, nats].filter((process) => process !== undefined);
  const token = server === undefined ? undefined : await authorization("bench", ["operator"]);
  const sales: Sale[] = [];
  let runs = 0;

  async function settle(): Promise<number> {
    const expected = sales.reduce((sum, { orders }) => sum + orders.length, 0);
    const from = performance.now();
    for (;;) {
      const orders = await countOrders(database);
      const [row] = await database.read.all(`select count(*) as n from ${database.tables.outbox}`);
      const unrelayed = Number(row?.n);
      const ms = performance.now() - from;
      if (orders >= expected && unrelayed === 0) return ms;
      if (ms > settleWithinMs) {
        throw new Error(`${orders} of ${expected} orders stand, ${unrelayed} events wait:\n${first.said()}`);
      }
      await sleep(20);
    }
  }

  return {
    place,
    servers,
    openSale: async (total) => {
      const activityId = await createActivity(first.url, token, `lamp-${sales.length + 1}`, total);
      const sale: Sale = { activityId, total, orders: [] };
      sales.push(sale);
      return sale;
    },
    buy: async (sale, front, plan) => {
      const options: PurchaseRequests = {
        front,
        activityId: sale.activityId,
        buyers: `${++runs}-`,
        authorization: token,
      };
      const source = { module: import.meta.resolve("./purchase-requests.ts"), options };
      const result = await bench.load({ url: children.map(({ url }) => url), connections: 64, source, ...plan });
      const summary = result.summary as Told;
      for (const [message, count] of Object.entries(summary.refused)) {
        if (message !== soldOut) throw new Error(`${count} buyers were refused: ${message}`);
      }
      for (const [orderId] of summary.yes) sale.orders.push(orderId);
      return { ...result, summary };
    },
    settle,
    verify: async () => {
      await settle();
      await verifySales(database, sales);
    },
  };
}

async function createActivity(url: string, token: string | undefined, productId: string, total: number) {
  const response = await fetch(`${url}/ordermesh.order.v1.SeckillService/CreateActivity`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token === undefined ? {} : { authorization: token }) },
    body: JSON.stringify({
      productId,
      productName: "Lamp",
      price: { currency: "CNY", minorUnits: "1250" },
      totalStock: String(total),
      prewarm: true,
    }),
  });
  if (!response.ok) throw new Error(`no sale: ${await response.text()}`);
  const { activity } = (await response.json()) as { activity: { activityId: string } };
  return activity.activityId;
}
