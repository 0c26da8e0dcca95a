import type { Bench } from "../../bench.ts";
import { authorization, jwtEnvironment } from "../../credentials.ts";
import { type LoadResult, workOf } from "../../load/run-load.ts";
import type { Component } from "../../machine/components.ts";
import {
  type DatabaseKind,
  databases,
  expectCounts,
  newPlace,
  openStore,
  type Place,
} from "../../machine/order-store.ts";
import type { Contender, Mark, Row, Session, Suite } from "../../suite.ts";
import { seedOrders } from "../order-read/seed.ts";
import type { Operation, WriteOptions } from "./requests.ts";

const operations: readonly Operation[] = ["create", "update"];
const titles: Readonly<Record<Operation, string>> = { create: "CreateOrderTask", update: "UpdateOrderStatus" };
const unit = "calls/s";
const ours = (kind: DatabaseKind, operation: Operation) => `${kind}, ${titles[operation]}, ordermesh`;
const oneByOne = (kind: DatabaseKind, operation: Operation) => `${kind}, ${titles[operation]}, one transaction a call`;
const each = databases.flatMap((kind) => operations.map((operation) => [kind, operation] as const));

export const orderWrite: Suite = {
  name: "order-write",
  title:
    "Connect JSON, 64 connections, every call with a key of its own: creating order tasks, completing orders. Against the same services with one transaction a call on ten connections (SQLite: on its one writer).",
  rounds: { full: 5, quick: 1 },
  rows: each.flatMap(([kind, operation]): Row[] => [
    { name: ours(kind, operation), unit, baseline: oneByOne(kind, operation) },
    { name: oneByOne(kind, operation), unit },
  ]),
  marks: each.map(
    ([kind, operation]): Mark => ({
      row: ours(kind, operation),
      figure: "median",
      against: oneByOne(kind, operation),
      atLeast: 3,
    }),
  ),
  prepare: async (bench) => {
    const servers = { mariadb: await bench.startDatabase("mariadb"), postgres: await bench.startDatabase("postgres") };
    const nats = await bench.startNats();
    return databases.flatMap((kind) => {
      const components = kind === "sqlite" ? [] : [servers[kind], nats];
      return [
        writer(kind, components, (operation) => ours(kind, operation), "../../../services/main.ts"),
        writer(kind, components, (operation) => oneByOne(kind, operation), "./one-by-one-server.ts"),
      ];
    });
  },
};

/** `components`: database and broker, or none for an embedded instance. */
function writer(
  kind: DatabaseKind,
  components: readonly Component[],
  rowOf: (operation: Operation) => string,
  program: string,
): Contender {
  return {
    name: rowOf("create"),
    open: async (bench): Promise<Session> => {
      const place = await newPlace(bench, components[0]);
      await seedOrders(kind, place, bench.quick ? 20_000 : 100_000);
      const server = await startServer(bench, program, place, components[1]);
      const token = place.url === undefined ? undefined : await authorization("bench", ["operator"]);
      const done = { create: 0, update: 0 };
      const load = async (operation: Operation, durationMs: number): Promise<LoadResult> => {
        const options: WriteOptions = { operation, first: done[operation] + 1, authorization: token };
        const source = { module: import.meta.resolve("./requests.ts"), options };
        const result = await bench.load({ url: server.url, connections: 64, durationMs, source });
        done[operation] += result.operations;
        return result;
      };
      return {
        servers: () => [server, ...components],
        warmUp: async () => {
          for (const operation of operations) await load(operation, bench.quick ? 300 : 800);
        },
        measure: async (take) => {
          for (const operation of operations) {
            await take(rowOf(operation), async () => workOf(await load(operation, bench.quick ? 1000 : 2000)));
          }
        },
        verify: async () => {
          await server.stop();
          await verify(place, done);
        },
      };
    },
  };
}

function startServer(bench: Bench, program: string, place: Place, nats: Component | undefined) {
  const own = { PORT: "0", DATA_DIR: place.directory };
  const env =
    place.url === undefined || nats === undefined
      ? own
      : { ...own, DATABASE_URL: place.url, NATS_URL: nats.url, ...jwtEnvironment };
  return bench.startServer({ name: "ordermesh", program: import.meta.resolve(program), env });
}

/** Every call that was answered stands, once, with its history. */
async function verify(place: Place, done: Readonly<Record<Operation, number>>): Promise<void> {
  const database = await openStore(place);
  try {
    await expectCounts(database, [
      ["tasks", "count(*) as n from order_tasks", done.create],
      ["users with a task", "count(distinct user_key) as n from order_tasks", done.create],
      ["history of tasks", "count(*) as n from order_task_history", done.create],
      ["completed orders", "count(*) as n from orders where status = 5 and version = 2", done.update],
      ["history of orders", "count(*) as n from order_history", done.update],
    ]);
  } finally {
    await database.close();
  }
}
