import { deepStrictEqual } from "node:assert";
import { create, toBinary } from "@bufbuild/protobuf";
import { GetOrderRequestSchema } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import type { Bench } from "../../bench.ts";
import type { FixedRequest } from "../../load/fixed-requests.ts";
import type { LoadPlan } from "../../load/plan.ts";
import { workOf } from "../../load/run-load.ts";
import type { Contender, Suite } from "../../suite.ts";
import { orders } from "./orders.ts";

interface Operation {
  readonly name: string;
  readonly protocol?: LoadPlan["protocol"];
  readonly request: FixedRequest;
}

const orderId = orders[7]?.order.id ?? "";
const bytes = toBinary(GetOrderRequestSchema, create(GetOrderRequestSchema, { orderId }));
const rpc: FixedRequest = { method: "POST", path: "/ordermesh.order.v1.OrderService/GetOrder", contains: orderId };

const rest: readonly Operation[] = [
  { name: "REST GET one", request: { method: "GET", path: `/v1/orders/${orderId}`, contains: orderId } },
  {
    name: "REST POST one",
    request: {
      method: "POST",
      path: `/v1/orders/${orderId}:updateStatus`,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ status: "ORDER_STATUS_SHIPPED", remark: "handed to the carrier" }),
      contains: "ORDER_STATUS_SHIPPED",
    },
  },
  { name: "REST list of 20", request: { method: "GET", path: "/v1/orders?pageSize=20", contains: orderId } },
];

const connect: readonly Operation[] = [
  {
    name: "Connect JSON",
    request: { ...rpc, headers: { "content-type": "application/json" }, body: JSON.stringify({ orderId }) },
  },
  {
    name: "Connect binary",
    request: { ...rpc, headers: { "content-type": "application/proto" }, base64: base64(bytes) },
  },
];

const grpc: readonly Operation[] = [
  {
    name: "gRPC",
    protocol: "http2",
    request: { ...rpc, headers: { "content-type": "application/grpc", te: "trailers" }, base64: base64(framed(bytes)) },
  },
];

/** What a request costs without what it asks for: routing, decoding, validation, access, telemetry, encoding. */
export const restInproc: Suite = {
  name: "rest-inproc",
  title:
    "One process, handlers without I/O, 64 connections: REST against fastify with schemas; Connect and gRPC against connect-node as it comes, without interceptors. The ratio is of requests per CPU second.",
  rounds: { full: 5, quick: 1 },
  rows: [
    ...rest.flatMap((operation) => rowsOf(operation, "fastify")),
    ...[...connect, ...grpc].flatMap((operation) => rowsOf(operation, "connect-node")),
  ],
  marks: rest.map(({ name }, index) => ({
    row: `${name}, ordermesh`,
    figure: "perCpuSecond",
    against: `${name}, fastify`,
    atLeast: [0.7, 0.7, 0.5][index],
  })),
  prepare: async (bench) => {
    const contenders = [
      ...[rest, connect, grpc].map((operations) => contender("ordermesh", "./ordermesh-server.ts", operations)),
      contender("fastify", "./fastify-server.ts", rest),
      contender("connect-node", "./connect-server.ts", connect),
      contender("connect-node", "./connect-server.ts", grpc, ["http2"]),
    ];
    await compareReplies(bench);
    return contenders;
  },
};

function rowsOf({ name }: Operation, baseline: string): Suite["rows"] {
  const unit = "requests/s";
  return [
    { name: `${name}, ordermesh`, unit, baseline: `${name}, ${baseline}`, ratioOf: "perCpuSecond" },
    { name: `${name}, ${baseline}`, unit },
  ];
}

function contender(name: string, file: string, operations: readonly Operation[], args: string[] = []): Contender {
  return {
    name,
    open: async (bench) => {
      const server = await start(bench, name, file, args);
      const load = ({ protocol, request }: Operation, durationMs: number) => {
        const source = { module: import.meta.resolve("../../load/fixed-requests.ts"), options: request };
        return bench.load({ url: server.url, protocol, connections: 64, durationMs, source });
      };
      return {
        servers: () => [server],
        warmUp: async () => {
          // Twice: what the compiler assumed of the first operation no longer holds after the others.
          for (const operation of [...operations, ...operations]) await load(operation, bench.quick ? 700 : 2000);
        },
        measure: async (take) => {
          for (const operation of operations) {
            await take(`${operation.name}, ${name}`, async () =>
              workOf(await load(operation, bench.quick ? 1200 : 3000)),
            );
          }
        },
      };
    },
  };
}

function start(bench: Bench, name: string, file: string, args: readonly string[] = []) {
  return bench.startServer({ name, program: import.meta.resolve(file), args });
}

/** Both must say the same, byte for byte, or they do not compare. */
async function compareReplies(bench: Bench): Promise<void> {
  const servers = [
    await start(bench, "ordermesh", "./ordermesh-server.ts"),
    await start(bench, "fastify", "./fastify-server.ts"),
  ];
  for (const { name, request } of rest) {
    const { method, path, headers } = request;
    const init = { method, headers, body: request.body?.toString() };
    const [ours, theirs] = await Promise.all(
      servers.map(async ({ url }) => await (await fetch(`${url}${path}`, init)).text()),
    );
    deepStrictEqual(ours, theirs, `the replies to "${name}" differ`);
  }
  for (const server of servers) await server.stop();
}

function base64(message: Uint8Array): string {
  return Buffer.from(message).toString("base64");
}

/** A gRPC message: not compressed, with its length. */
function framed(message: Uint8Array): Uint8Array {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
