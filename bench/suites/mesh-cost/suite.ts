import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, fetch } from "undici";
import type { Bench } from "../../bench.ts";
import { workOf } from "../../load/run-load.ts";
import type { Contender, Row, Suite } from "../../suite.ts";
import { embedded, type House, mesh, oneProcess } from "./house.ts";
import type { Front, OneOrderRequests } from "./requests.ts";

const fronts: readonly Front[] = ["REST", "Connect", "gRPC"];
const houses = ["mesh", "one process", "embedded"] as const;
type Name = (typeof houses)[number];
const rowOf = (name: Name, front: Front) => `${name}, ${front}`;

/** No marks: what a shop pays for processes of their own, a proxy between them, and TLS on every hop. */
export const meshCost: Suite = {
  name: "mesh-cost",
  title:
    "GetOrder, 64 connections: through the mesh of `npm run mesh` (TLS to Envoy; REST goes on to the gateway, back through Envoy and to the order service, the others to the order service, mTLS on every hop; MariaDB), through one process without Envoy or TLS on MariaDB and NATS, and embedded. The ratio is of CPU time to the embedded process.",
  rounds: { full: 5, quick: 1 },
  rows: houses.flatMap((name) =>
    fronts.map((front): Row => {
      const baseline = name === "embedded" ? {} : { baseline: rowOf("embedded", front), ratioOf: "cpuUs" as const };
      return { name: rowOf(name, front), unit: "requests/s", ...baseline };
    }),
  ),
  marks: [],
  prepare: async (bench) => {
    const database = await bench.startDatabase("mariadb");
    return [
      contender("mesh", mesh),
      contender("one process", (round) => oneProcess(round, database)),
      contender("embedded", embedded),
    ];
  },
};

function contender(name: Name, start: (bench: Bench) => Promise<House>): Contender {
  return {
    name,
    open: async (bench) => {
      const house = await start(bench);
      const orderIds = await sellOrders(house);
      const load = async (front: Front, durationMs: number) => {
        const options: OneOrderRequests = { front, orderIds, authorization: house.authorization };
        return await bench.load({
          url: house.url,
          caFile: house.caFile,
          protocol: front === "gRPC" ? "http2" : "http1",
          connections: 64,
          durationMs,
          source: { module: import.meta.resolve("./requests.ts"), options },
        });
      };
      return {
        servers: () => house.servers,
        warmUp: async () => {
          // Some thousand requests: until then a service's compiler costs more than its requests.
          for (const front of fronts) await load(front, bench.quick ? 2000 : 4000);
        },
        measure: async (take) => {
          for (const front of fronts) {
            await take(rowOf(name, front), async () => workOf(await load(front, bench.quick ? 1000 : 3000)));
          }
        },
      };
    },
  };
}

const orders = 50;

/** Makes orders through the front door, and returns their ids once they stand. */
async function sellOrders(house: House): Promise<readonly string[]> {
  const ca = house.caFile === undefined ? undefined : readFileSync(house.caFile, "utf8");
  const dispatcher = new Agent({ connect: { ca } });
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (house.authorization !== undefined) headers.authorization = house.authorization;
  async function call(method: string, path: string, body?: unknown) {
    const answer = await fetch(`${house.url}${path}`, { method, headers, dispatcher, body: JSON.stringify(body) });
    const reply = (await answer.json()) as { readonly orderId: string; readonly number?: string };
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(reply)}`);
    return reply;
  }
  const price = { currency: "CNY", minorUnits: 1990 };
  await call("POST", "/v1/seckill/activities", {
    productId: "1",
    productName: "Lamp",
    price,
    totalStock: orders,
    prewarm: true,
  });
  const sold: string[] = [];
  for (let buyer = 1; buyer <= orders; buyer++) {
    const wish = { buyerId: String(buyer), quantity: 1 };
    sold.push((await call("POST", "/v1/seckill/products/1:purchase", wish)).orderId);
  }
  // Until its message is handled an order is answered from its reservation.
  await sleep(1000);
  await dispatcher.close();
  return sold;
}
