import type { Bench } from "../../bench.ts";
import { workOf } from "../../load/run-load.ts";
import type { Component } from "../../machine/components.ts";
import { type DatabaseKind, databases } from "../../machine/order-store.ts";
import type { Contender, Mark, Row, Session, Suite, Work } from "../../suite.ts";
import type { Front } from "./purchase-requests.ts";
import { type BuyingPlan, openShop, ordermesh, type Shop } from "./shop.ts";
import type { Sale } from "./verify.ts";

const fronts: readonly Front[] = ["RPC", "REST"];

const unit = "purchases/s";
const peak = (kind: DatabaseKind, front: Front) => `${kind}, ${front}`;
const steady = (kind: DatabaseKind, front: Front) => `${kind}, ${front} at 80 %`;
const sellingOut = (kind: DatabaseKind) => `${kind}, selling out`;
const oneByOne = (kind: DatabaseKind) => `${kind}, one purchase a transaction`;

/** SQLite is its own baseline: it has one writer, and a commit waits for nothing but the disk. */
const againstOneByOne: readonly DatabaseKind[] = ["mariadb", "postgres"];

const marks: readonly Mark[] = databases.flatMap((kind): Mark[] => [
  ...fronts.flatMap((front): Mark[] => [
    ...(againstOneByOne.includes(kind)
      ? [{ row: peak(kind, front), figure: "median", against: oneByOne(kind), atLeast: 8 }]
      : []),
    { row: steady(kind, front), figure: "p99", atMost: 100 },
  ]),
  { row: sellingOut(kind), figure: "oversold", atMost: 0 },
]);

/** A stock that nobody empties. */
const plenty = 1_000_000_000;

/** How long samples take (milliseconds), and how much is sold out. */
const sizes = {
  quick: { warmUpMs: 500, peakMs: 1000, steadyMs: 1000, stock: 1000 },
  full: { warmUpMs: 1000, peakMs: 2500, steadyMs: 2500, stock: 10_000 },
};

/** What buyers of a flash sale get: a durable yes, or a clear no. */
export const seckillPurchase: Suite = {
  name: "seckill-purchase",
  title:
    "Purchases of one hot activity, durable before they are answered, 64 connections, every purchase another buyer's; the same process relays their events and makes their orders (in the CPU time, too). Over Connect and REST (JSON), at the peak and at 80 % of it (open loop). Selling out: twice as many buyers as units. Against the same service with a transaction for each purchase, over Connect.",
  rounds: { full: 5, quick: 1 },
  rows: databases.flatMap((kind): Row[] => [
    ...fronts.flatMap((front): Row[] => [
      { name: peak(kind, front), unit, baseline: oneByOne(kind) },
      { name: steady(kind, front), unit },
    ]),
    { name: sellingOut(kind), unit: "answers/s" },
    { name: oneByOne(kind), unit },
  ]),
  marks,
  prepare: async (bench) => {
    const servers = { mariadb: await bench.startDatabase("mariadb"), postgres: await bench.startDatabase("postgres") };
    return databases.flatMap((kind) => {
      const server = kind === "sqlite" ? undefined : servers[kind];
      return [together(kind, server), apart(kind, server)];
    });
  },
};

function together(kind: DatabaseKind, server: Component | undefined): Contender {
  let turns = 0;
  return {
    name: `${kind}, ordermesh`,
    open: async (bench): Promise<Session> => {
      const size = sizeOf(bench);
      const shop = await openShop(bench, ordermesh, server);
      const hot = await shop.openSale(plenty);
      // Neither front always finds the larger tables.
      const inTurn = turns++ % 2 === 0 ? fronts : fronts.toReversed();
      return {
        servers: () => shop.servers,
        warmUp: async () => {
          for (const front of fronts) await sell(shop, hot, front, { durationMs: size.warmUpMs });
        },
        measure: async (take) => {
          for (const front of inTurn) {
            const buy = (plan: BuyingPlan) => sell(shop, hot, front, plan);
            const { value } = await take(peak(kind, front), () => buy({ durationMs: size.peakMs }));
            await take(steady(kind, front), () => buy({ durationMs: size.steadyMs, rate: 0.8 * value }));
          }
          const scarce = await shop.openSale(size.stock);
          await take(sellingOut(kind), async () => {
            const work = await sell(shop, scarce, "RPC", { durationMs: 60_000, maximumRequests: 2 * size.stock });
            return { ...work, extra: { ...work.extra, oversold: scarce.orders.length - size.stock } };
          });
          if (scarce.orders.length < size.stock) {
            throw new Error(`${size.stock - scarce.orders.length} units were refused to buyers who came`);
          }
        },
        verify: () => shop.verify(),
      };
    },
  };
}

function apart(kind: DatabaseKind, server: Component | undefined): Contender {
  return {
    name: oneByOne(kind),
    open: async (bench): Promise<Session> => {
      const size = sizeOf(bench);
      const shop = await openShop(bench, import.meta.resolve("./one-by-one-server.ts"), server);
      const hot = await shop.openSale(plenty);
      return {
        servers: () => shop.servers,
        warmUp: async () => {
          await sell(shop, hot, "RPC", { durationMs: size.warmUpMs });
        },
        measure: async (take) => {
          await take(oneByOne(kind), () => sell(shop, hot, "RPC", { durationMs: size.peakMs }));
        },
        verify: () => shop.verify(),
      };
    },
  };
}

/** Until the last order stands, so that the CPU time of a purchase has its order in it; the rate is that of the answers. */
async function sell(shop: Shop, sale: Sale, front: Front, plan: BuyingPlan): Promise<Work> {
  const work = workOf(await shop.buy(sale, front, plan));
  return { ...work, extra: { ...work.extra, settleMs: await shop.settle() } };
}

function sizeOf(bench: Bench) {
  return bench.quick ? sizes.quick : sizes.full;
}
