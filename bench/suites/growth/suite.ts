import { workOf } from "../../load/run-load.ts";
import type { Component } from "../../machine/components.ts";
import type { Contender, Row, Suite } from "../../suite.ts";
import { drainContender } from "../seckill-drain/drain.ts";
import { openShop, ordermesh } from "../seckill-purchase/shop.ts";

const instanceCounts = [1, 2, 4];
const clientCounts = [1, 8, 64, 256, 1024];
/** Messages in thousands. */
const backlogs = [10, 50, 200];

const drainBy = (instances: number) => `orders from messages, ${instances} instances`;
const drainOf = (thousands: number) => `orders from messages, ${thousands},000 waiting`;
const buyBy = (instances: number) => `purchases, 64 clients, ${instances} instances`;
const buyWith = (clients: number) => `purchases, ${clients} clients`;
/** Four times as long as orders give way to buyers. */
const longMs = 20_000;
const buyLong = "purchases, 64 clients, for 20 s";

/** No marks: how rates and delays change with what the shop has and gets. How reads grow with their data, `order-read` tells. */
export const growth: Suite = {
  name: "growth",
  title:
    "MariaDB and JetStream. Orders from waiting messages, and purchases of one hot activity over Connect, by instances of the service, by clients, by messages that wait, and for longer than orders give way to buyers. All on the same two cores: more instances bring no more hardware.",
  rounds: { full: 3, quick: 1 },
  rows: [
    ...instanceCounts.map((count): Row => ({ name: drainBy(count), unit: "orders/s", baseline: drainBy(1) })),
    ...backlogs.map((count): Row => ({ name: drainOf(count), unit: "orders/s", baseline: drainOf(10) })),
    ...instanceCounts.map((count): Row => ({ name: buyBy(count), unit: "purchases/s", baseline: buyBy(1) })),
    ...clientCounts.map((count): Row => ({ name: buyWith(count), unit: "purchases/s", baseline: buyWith(1) })),
    { name: buyLong, unit: "purchases/s", baseline: buyWith(64) },
  ],
  marks: [],
  prepare: async (bench) => {
    const server = await bench.startDatabase("mariadb");
    const thousand = bench.quick ? 100 : 1000;
    return [
      ...instanceCounts.map((instances) => drainContender(drainBy(instances), server, 50 * thousand, { instances })),
      ...backlogs.map((count) => drainContender(drainOf(count), server, count * thousand, {})),
      ...instanceCounts.map((instances) => buyers(server, instances, [64], () => buyBy(instances))),
      buyers(server, 1, clientCounts, buyWith),
      buyers(server, 1, [64], () => buyLong, longMs),
    ];
  },
};

function buyers(
  server: Component,
  instances: number,
  clients: readonly number[],
  rowOf: (clients: number) => string,
  fullMs = 3000,
): Contender {
  return {
    name: rowOf(clients[0] ?? 0),
    open: async (bench) => {
      const shop = await openShop(bench, ordermesh, server, instances);
      const sale = await shop.openSale(1_000_000_000);
      const durationMs = bench.quick ? 400 : fullMs;
      return {
        servers: () => shop.servers,
        warmUp: async () => {
          await shop.buy(sale, "RPC", { durationMs: Math.min(durationMs, 3000) });
        },
        measure: async (take) => {
          for (const connections of clients) {
            await take(rowOf(connections), async () => {
              const work = workOf(await shop.buy(sale, "RPC", { durationMs, connections }));
              return { ...work, extra: { ...work.extra, settleMs: await shop.settle() } };
            });
          }
        },
        verify: () => shop.verify(),
      };
    },
  };
}
