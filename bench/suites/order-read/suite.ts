import { deepStrictEqual } from "node:assert";
import type { Bench } from "../../bench.ts";
import { authorization, jwtEnvironment } from "../../credentials.ts";
import { workOf } from "../../load/run-load.ts";
import type { Component } from "../../machine/components.ts";
import { type DatabaseKind, databases, newPlace, type Place } from "../../machine/order-store.ts";
import type { Contender, Mark, Row, Suite } from "../../suite.ts";
import type { ReadOptions } from "./requests.ts";
import { buyerId, orderId, ordersOfBuyer, seedOrders } from "./seed.ts";

const few = 10_000;
const many = (quick: boolean) => (quick ? 50_000 : 1_000_000);
const operations = ["get", "list"] as const;
type Operation = (typeof operations)[number];

const unit = "requests/s";
const ours = (kind: DatabaseKind, operation: Operation) => `${kind}, ${operation}, ordermesh`;
const oursSmall = (kind: DatabaseKind, operation: Operation) => `${kind}, ${operation}, ordermesh with 10 k orders`;
const theirs = (kind: DatabaseKind, operation: Operation) => `${kind}, ${operation}, Sequelize`;
const each = databases.flatMap((kind) => operations.map((operation) => [kind, operation] as const));

export const orderRead: Suite = {
  name: "order-read",
  title:
    "REST, 64 connections: any one order with its two lines, or the 20 orders of any buyer, of 1,000,000 stored (quick: 50,000). Against Sequelize models with their items behind the same gateway, and against ordermesh with 10,000 orders.",
  rounds: { full: 5, quick: 1 },
  rows: each.flatMap(([kind, operation]): Row[] => [
    { name: ours(kind, operation), unit, baseline: theirs(kind, operation) },
    { name: oursSmall(kind, operation), unit },
    { name: theirs(kind, operation), unit },
  ]),
  marks: each.flatMap(([kind, operation]): Mark[] => [
    { row: ours(kind, operation), figure: "median", against: theirs(kind, operation), atLeast: 5 },
    { row: ours(kind, operation), figure: "p99", against: oursSmall(kind, operation), atMost: 1.5 },
  ]),
  prepare: async (bench) => {
    const servers = { mariadb: await bench.startDatabase("mariadb"), postgres: await bench.startDatabase("postgres") };
    const contenders: Contender[] = [];
    for (const kind of databases) {
      const server = kind === "sqlite" ? undefined : servers[kind];
      const [large, small] = [await newPlace(bench, server), await newPlace(bench, server)];
      await seedOrders(kind, large, many(bench.quick));
      await seedOrders(kind, small, few);
      if (!bench.quick) await compareReplies(bench, small);
      contenders.push(
        reader("ordermesh", server, large, many(bench.quick), (operation) => ours(kind, operation)),
        reader("ordermesh", server, small, few, (operation) => oursSmall(kind, operation)),
        reader("Sequelize", server, large, many(bench.quick), (operation) => theirs(kind, operation)),
      );
    }
    return contenders;
  },
};

type Program = "ordermesh" | "Sequelize";

function reader(
  program: Program,
  database: Component | undefined,
  place: Place,
  orders: number,
  rowOf: (operation: Operation) => string,
): Contender {
  return {
    name: rowOf("get"),
    open: async (bench) => {
      const server = await start(bench, program, place);
      const token = await tokenFor(place);
      const load = async (operation: Operation, durationMs: number) => {
        const options: ReadOptions = { operation, orders, authorization: token };
        const source = { module: import.meta.resolve("./requests.ts"), options };
        return await bench.load({ url: server.url, connections: 64, durationMs, source });
      };
      return {
        servers: () => [server, ...(database === undefined ? [] : [database])],
        warmUp: async () => {
          for (const operation of operations) await load(operation, bench.quick ? 300 : 1000);
        },
        measure: async (take) => {
          for (const operation of operations) {
            await take(rowOf(operation), async () => workOf(await load(operation, bench.quick ? 700 : 2000)));
          }
        },
      };
    },
  };
}

/** Embedded instances are open, others demand a token. */
function start(bench: Bench, program: Program, place: Place) {
  const own = { PORT: "0", DATA_DIR: place.directory };
  const env = place.url === undefined ? own : { ...own, DATABASE_URL: place.url, ...jwtEnvironment };
  const file = program === "ordermesh" ? "../../../services/main.ts" : "./sequelize-server.ts";
  const args = program === "ordermesh" ? [] : [JSON.stringify(place)];
  return bench.startServer({ name: program, program: import.meta.resolve(file), args, env });
}

async function tokenFor({ url }: Place): Promise<string | undefined> {
  return url === undefined ? undefined : await authorization("bench", ["operator"]);
}

/** Both must say the same, or they do not compare. */
async function compareReplies(bench: Bench, place: Place): Promise<void> {
  const token = await tokenFor(place);
  const init = token === undefined ? {} : { headers: { authorization: token } };
  const replies: unknown[] = [];
  for (const program of ["ordermesh", "Sequelize"] as const) {
    const server = await start(bench, program, place);
    const one = await fetch(`${server.url}/v1/orders/${orderId(77)}`, init);
    const list = await fetch(`${server.url}/v1/orders?buyerId=${buyerId(7)}&pageSize=${ordersOfBuyer}`, init);
    const { orders } = (await list.json()) as { orders: readonly unknown[] };
    replies.push({ one: await one.json(), orders });
    await server.stop();
  }
  deepStrictEqual(replies[0], replies[1]);
}
