import { Agent, type RequestOptions } from "node:https";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, connect as connectSecurely } from "node:tls";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { OrderService } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { buildConnector, Pool } from "undici";
import type { MeshProcess } from "./mesh-process.ts";

/** Requests that change nothing, at a fixed rate, none of them tried again by the client. */
export interface SteadyLoad {
  /** What came of the requests that were sent while `work` ran. */
  during(work: () => Promise<unknown>): Promise<Phase>;
  stop(): Promise<void>;
}

export interface Phase {
  readonly seconds: number;
  readonly requests: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly slowest: number;
  readonly failures: readonly string[];
}

const timeoutMs = 10_000;

/** Its new connections trust whom the mesh trusts at that time, as those of a client that was told of a new authority. */
class TrustingAgent extends Agent {
  readonly #mesh: MeshProcess;

  constructor(mesh: MeshProcess) {
    super({ keepAlive: true });
    this.#mesh = mesh;
  }

  override createConnection(options: RequestOptions): Duplex {
    return connectSecurely({ ...(options as ConnectionOptions), ca: this.#mesh.ca });
  }
}

/** Reads one order over REST, Connect and gRPC by turns. */
export function startLoad(mesh: MeshProcess, orderId: string, perSecond: number): SteadyLoad {
  const headers = { authorization: mesh.authorization };
  const pool = new Pool(mesh.url, {
    connections: 32,
    connect: (options, done) => buildConnector({ ca: mesh.ca })(options, done),
  });
  const agent = new TrustingAgent(mesh);
  const connect = createConnectTransport({ baseUrl: mesh.url, httpVersion: "1.1", nodeOptions: { agent } });
  const grpc = createGrpcTransport({ baseUrl: mesh.url, nodeOptions: { ca: mesh.ca } });
  const [overConnect, overGrpc] = [createClient(OrderService, connect), createClient(OrderService, grpc)];
  const kinds: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["REST", rest],
    ["Connect", () => overConnect.getOrder({ orderId }, { headers, timeoutMs })],
    ["REST", rest],
    ["gRPC", () => overGrpc.getOrder({ orderId }, { headers, timeoutMs })],
  ];

  async function rest(): Promise<void> {
    const { statusCode, body } = await pool.request({
      path: `/v1/orders/${orderId}`,
      method: "GET",
      headers,
      headersTimeout: timeoutMs,
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${statusCode} ${text.slice(0, 200)}`);
  }

  let latencies: number[] = [];
  let failures: string[] = [];
  const onTheirWay = new Set<Promise<void>>();
  const startedAt = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    for (const due = ((performance.now() - startedAt) * perSecond) / 1000; sent < due; sent++) {
      const request = send(sent).finally(() => onTheirWay.delete(request));
      onTheirWay.add(request);
    }
  }, 2);

  async function send(number: number): Promise<void> {
    const [kind, call] = kinds[number % kinds.length] as (typeof kinds)[number];
    const from = performance.now();
    // Of the phase in which it was sent.
    const [times, failed] = [latencies, failures];
    try {
      await call();
    } catch (error) {
      failed.push(`${kind} after ${Math.round(performance.now() - from)} ms: ${reasonOf(error)}`);
    }
    times.push(performance.now() - from);
  }

  return {
    during: async (work) => {
      latencies = [];
      failures = [];
      const from = performance.now();
      await work();
      const seconds = (performance.now() - from) / 1000;
      const [times, failed] = [latencies, failures];
      await Promise.all(onTheirWay);
      times.sort((a, b) => a - b);
      const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
      return { seconds, requests: times.length, p50: at(0.5), p99: at(0.99), slowest: at(1), failures: failed };
    },
    stop: async () => {
      clearInterval(timer);
      await Promise.all(onTheirWay);
      await pool.close();
      agent.destroy();
    },
  };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${reasonOf(error.cause)})`;
}
