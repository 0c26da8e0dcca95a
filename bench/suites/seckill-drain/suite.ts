import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { serialize } from "node:v8";
import type { Bench } from "../../bench.ts";
import type { Component } from "../../machine/components.ts";
import { runJob } from "../../machine/job-server.ts";
import { type DatabaseKind, databases, newPlace } from "../../machine/order-store.ts";
import { connect, type Table } from "../../machine/plain-client.ts";
import type { Contender, Mark, Row, Session, Suite } from "../../suite.ts";
import { drainContender, startDrain } from "./drain.ts";

const unit = "orders/s";
const batches = (kind: DatabaseKind) => `${kind}, ordermesh`;
const oneByOne = (kind: DatabaseKind) => `${kind}, one message a transaction`;
const plain = (kind: DatabaseKind) => `${kind}, plain multi-row INSERT`;

/** SQLite has no server to be compared with, only itself. */
const marks: readonly Mark[] = (["mariadb", "postgres"] as const).flatMap((kind) => [
  { row: batches(kind), figure: "median", against: oneByOne(kind), atLeast: 10 },
  { row: batches(kind), figure: "median", against: plain(kind), atLeast: 0.6 },
  { row: batches(kind), figure: "growthMb", atMost: 64 },
]);

/** What a flash sale leaves behind: messages that wait, each to become an order with all that belongs to it. */
export const seckillDrain: Suite = {
  name: "seckill-drain",
  title:
    "Messages waiting in JetStream (SQLite: in the embedded bus) become durable orders with reservation, line, history, statistics and event, the relay sending events on meanwhile. Against the same service with one message a transaction on one connection, and against one client that stores the same rows with multi-row INSERTs, 500 orders a transaction.",
  rounds: { full: 5, quick: 1 },
  rows: databases.flatMap((kind): Row[] => [
    { name: batches(kind), unit, baseline: oneByOne(kind) },
    { name: oneByOne(kind), unit },
    { name: plain(kind), unit },
  ]),
  marks,
  prepare: async (bench) => {
    const servers = { mariadb: await bench.startDatabase("mariadb"), postgres: await bench.startDatabase("postgres") };
    const counts = bench.quick ? { many: 12_000, few: 600 } : { many: 100_000, few: 3000 };
    const contenders: Contender[] = [];
    for (const kind of databases) {
      const server = kind === "sqlite" ? undefined : servers[kind];
      const file = await storeTemplate(bench, server, counts.many);
      contenders.push(
        drainContender(batches(kind), server, counts.many, {}),
        drainContender(oneByOne(kind), server, counts.few, { poolSize: 1, settings: { batchSize: 1, concurrency: 1 } }),
        inserts(plain(kind), server, counts.many, file),
      );
    }
    return contenders;
  },
};

function inserts(row: string, server: Component | undefined, orders: number, file: string): Contender {
  return {
    name: row,
    open: async (bench): Promise<Session> => {
      const place = await newPlace(bench, server);
      const program = import.meta.resolve("./insert-server.ts");
      const child = await bench.startServer({ name: "plain", program, args: [JSON.stringify({ place, file })] });
      return {
        servers: () => [child, ...(server === undefined ? [] : [server])],
        measure: async (take) => {
          await take(row, async () => {
            await runJob(child, "insert");
            return { operations: orders };
          });
        },
      };
    },
  };
}

/** Has the service make the orders once, and keeps the rows in a file for the client that only stores them. */
async function storeTemplate(bench: Bench, server: Component | undefined, orders: number): Promise<string> {
  const place = await newPlace(bench, server);
  const drain = await startDrain(bench, server, place, { orders, relay: false });
  await drain.run();
  await drain.stop();
  const client = await connect(place);
  const tables: Table[] = [
    await client.read("reservations", "order_number", []),
    await client.read("orders", "number", []),
    await client.read("order_lines", "number", []),
    await client.read("order_history", "order_id", []),
    await client.read("order_outbox", "seq", ["seq"]),
  ];
  await client.close();
  const file = join(place.directory, "rows");
  writeFileSync(file, serialize(tables));
  return file;
}
