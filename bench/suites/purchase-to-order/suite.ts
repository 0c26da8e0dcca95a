import type { Component } from "../../machine/components.ts";
import { runJob } from "../../machine/job-server.ts";
import { type DatabaseKind, databases } from "../../machine/order-store.ts";
import type { Contender, Session, Suite } from "../../suite.ts";
import { openShop, ordermesh } from "../seckill-purchase/shop.ts";
import { delays, type Moment } from "./delays.ts";

/** A stock that nobody empties. */
const plenty = 1_000_000_000;

/** How long the parts take (milliseconds). */
const sizes = {
  quick: { warmUpMs: 500, peakMs: 1500, measureMs: 3000 },
  full: { warmUpMs: 1000, peakMs: 2000, measureMs: 6000 },
};

/** How long a buyer who heard yes waits for the order. */
export const purchaseToOrder: Suite = {
  name: "purchase-to-order",
  title:
    "From a buyer's yes to the order row, at 50 % of the peak of purchases over Connect that the round found (64 connections, open loop); p50 and p99 are of that time. A process of its own looks for new rows every 3 ms and notes when it has one in hand: each time is a little too long, none too short.",
  rounds: { full: 5, quick: 1 },
  rows: databases.map((kind) => ({ name: kind, unit: "purchases/s" })),
  marks: databases.map((kind) => ({ row: kind, figure: "p99", atMost: 200 })),
  prepare: async (bench) => {
    const servers = { mariadb: await bench.startDatabase("mariadb"), postgres: await bench.startDatabase("postgres") };
    return databases.map((kind) => contender(kind, kind === "sqlite" ? undefined : servers[kind]));
  },
};

function contender(kind: DatabaseKind, server: Component | undefined): Contender {
  return {
    name: kind,
    open: async (bench): Promise<Session> => {
      const size = bench.quick ? sizes.quick : sizes.full;
      const shop = await openShop(bench, ordermesh, server);
      const sale = await shop.openSale(plenty);
      let peak = 0;
      return {
        servers: () => shop.servers,
        warmUp: async () => {
          await shop.buy(sale, "RPC", { durationMs: size.warmUpMs });
          await shop.settle();
          ({ rate: peak } = await shop.buy(sale, "RPC", { durationMs: size.peakMs }));
          await shop.settle();
        },
        measure: async (take) => {
          const program = import.meta.resolve("./watch-server.ts");
          const watch = await bench.startObserver({ name: "watch", program, args: [JSON.stringify(shop.place)] });
          await take(kind, async () => {
            const bought = await shop.buy(sale, "RPC", { durationMs: size.measureMs, rate: peak / 2 });
            await shop.settle();
            const latency = delays(bought.summary.yes, (await runJob(watch, "seen")) as Moment[]);
            const answerP99 = bought.latency.percentile(0.99) / 1000;
            return {
              operations: bought.operations,
              value: bought.rate,
              latency,
              extra: { peak, answerP99, loadBusy: bought.busy },
            };
          });
        },
        verify: () => shop.verify(),
      };
    },
  };
}
