import { setTimeout as sleep } from "node:timers/promises";
import { Agent, fetch } from "undici";
import type { MeshProcess } from "./mesh-process.ts";

export interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: Record<string, unknown>;
}

export interface SaleCounts {
  readonly reservations: number;
  readonly orders: number;
  readonly free: number;
  readonly reserved: number;
}

/** What was broken is back by then (milliseconds). */
const awayMs = 30_000;

/** A shop's calls at the edge. */
export interface Shop {
  /** Opens a sale and returns the id of its activity. */
  open(productId: string, totalStock: number): Promise<string>;
  buy(activityId: string, buyerId: string): Promise<Answer>;
  counts(activityId: string): Promise<SaleCounts>;
}

export function shopOf(mesh: MeshProcess): Shop {
  const dispatcher = new Agent({ connect: { ca: mesh.ca } });

  async function call(
    method: string,
    path: string,
    body?: unknown,
    more: Record<string, string> = {},
  ): Promise<Answer> {
    const headers = { authorization: mesh.authorization, "content-type": "application/json", ...more };
    const answer = await fetch(`${mesh.url}${path}`, { method, headers, dispatcher, body: JSON.stringify(body) });
    const text = await answer.text();
    return {
      status: answer.status,
      retryAfter: answer.headers.get("retry-after"),
      body: text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : { text },
    };
  }

  /** Asks again for as long as the mesh says that it is away: all may have bought before what was broken is back. */
  async function patiently(path: string): Promise<Record<string, unknown>> {
    for (const from = performance.now(); performance.now() - from < awayMs; ) {
      const { status, retryAfter } = await call("GET", path);
      if (status !== 503 || retryAfter === null) break;
      await sleep(250);
    }
    return await ok("GET", path);
  }

  async function ok(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const answer = await call(method, path, body);
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  return {
    open: async (productId, totalStock) => {
      const price = { currency: "CNY", minorUnits: 1990 };
      const terms = { productId, productName: "Lamp", price, totalStock, prewarm: true };
      return String((await ok("POST", "/v1/seckill/activities", terms)).activityId);
    },
    // The key makes a purchase whose answer was lost one that can be asked for again.
    buy: (activityId, buyerId) =>
      call(
        "POST",
        `/v1/seckill/activities/${activityId}:purchase`,
        { buyerId, quantity: 1 },
        {
          "idempotency-key": `${activityId}-${buyerId}`,
        },
      ),
    counts: async (activityId) => {
      const { stock, reservationCount, orderCount } = await patiently(`/v1/seckill/activities/${activityId}/stats`);
      const { free, reserved } = stock as Record<string, unknown>;
      return {
        reservations: Number(reservationCount),
        orders: Number(orderCount),
        free: Number(free),
        reserved: Number(reserved),
      };
    },
  };
}
