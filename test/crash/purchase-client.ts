import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** What a buyer was told in the end. */
export type Told =
  | { readonly kind: "yes"; readonly orderPath: string }
  /** An earlier attempt, whose answer was lost, had succeeded. */
  | { readonly kind: "bought-before" }
  | { readonly kind: "sold-out" };

/** A way to buy one unit; undefined where the answer decides nothing and the buyer asks again. */
export type Buy = (url: string, buyer: number, signal: AbortSignal) => Promise<Told | undefined>;

export const product = 3001;

/** Buys over MiniShop's path, which knows no keys: a second purchase is refused. */
export const buyOnMiniShop: Buy = async (url, buyer, signal) => {
  const body = JSON.stringify({ product_id: product, user_id: buyer, quantity: 1 });
  const response = await fetch(`${url}/api/v1/seckill/purchase`, { method: "POST", body, signal });
  const answer = (await response.json()) as { code?: number; order_id?: string };
  if (answer.code === 1) return { kind: "yes", orderPath: `/api/v1/orders/${answer.order_id}` };
  if (answer.code === -2) return { kind: "sold-out" };
  if (answer.code === -3) return { kind: "bought-before" };
  return retryable(response, answer);
};

/** Buys over the native path under one Idempotency-Key: a second request gets the first one's answer. */
export const buyNatively: Buy = async (url, buyer, signal) => {
  const response = await fetch(`${url}/v1/seckill/products/${product}:purchase`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": `buyer-${buyer}` },
    body: JSON.stringify({ buyerId: String(buyer), quantity: 1 }),
    signal,
  });
  const answer = (await response.json()) as { orderId?: string; details?: { reason?: string }[] };
  if (response.ok) return { kind: "yes", orderPath: `/v1/orders/${answer.orderId}` };
  const reason = answer.details?.find((detail) => detail.reason !== undefined)?.reason;
  if (reason === "OUT_OF_STOCK") return { kind: "sold-out" };
  if (reason === "IDEMPOTENCY_IN_FLIGHT") return undefined;
  return retryable(response, answer);
};

function retryable(response: Response, answer: unknown): undefined {
  if (response.status < 500) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
}

/** Asks until an answer decides; each of the first attempts may hang up after some milliseconds. */
export async function buyWithRetries(buy: Buy, url: string, buyer: number): Promise<Told> {
  await sleep(randomInt(200));
  for (let attempt = 1; ; attempt++) {
    const hangsUp = attempt <= 3 && randomInt(2) === 0;
    try {
      const told = await buy(url, buyer, AbortSignal.timeout(hangsUp ? randomInt(1, 40) : 10_000));
      if (told !== undefined) return told;
    } catch (error) {
      if (!isConnectionLost(error)) throw error;
    }
    await sleep(randomInt(20, 120));
  }
}

/** `fetch` tells lost connections as TypeError, cut bodies too, and our own hanging up as TimeoutError. */
function isConnectionLost(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof DOMException && error.name === "TimeoutError");
}
