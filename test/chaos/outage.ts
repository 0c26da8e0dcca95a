import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, Shop } from "./shop.ts";

export interface Outage {
  readonly buyers: number;
  readonly seconds: number;
  /** Answers other than a yes, by what they said. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Refusals that no client should see. */
  readonly unclean: readonly string[];
  readonly orders: number;
  readonly problems: readonly string[];
}

const clients = 32;
const buyers = 3000;
/** Buyers give up after so many tries. */
const mostTries = 200;
const settleWithinMs = 60_000;

/** Lets buyers buy while `break_` breaks something, each until it has a yes, and compares the store with what they were told. */
export async function sellThrough(shop: Shop, productId: string, break_: () => Promise<void>): Promise<Outage> {
  const activityId = await shop.open(productId, buyers);
  const refusals: Record<string, number> = {};
  const unclean: string[] = [];
  const problems: string[] = [];
  const startedAt = performance.now();
  let next = 0;
  let yes = 0;

  async function client(): Promise<void> {
    while (next < buyers) {
      const buyerId = `${productId}-${next++}`;
      if (await buy(buyerId)) yes++;
      else problems.push(`${buyerId} never got an answer`);
    }
  }

  async function buy(buyerId: string): Promise<boolean> {
    for (let tries = 0; tries < mostTries; tries++) {
      const answer = await shop.buy(activityId, buyerId);
      if (answer.status === 200) return true;
      const said = `${answer.status} ${reasonOf(answer)}`;
      refusals[said] = (refusals[said] ?? 0) + 1;
      if (!isClean(answer)) unclean.push(`${said}: ${JSON.stringify(answer.body)}, retry-after ${answer.retryAfter}`);
      await sleep(Math.min(Number(answer.retryAfter ?? 1) * 1000, 1000));
    }
    return false;
  }

  const breaking = (async () => {
    while (yes < buyers / 6) await sleep(5);
    await break_();
  })();
  await Promise.all([breaking, ...Array.from({ length: clients }, client)]);
  const seconds = (performance.now() - startedAt) / 1000;

  let counts = await shop.counts(activityId);
  for (const from = performance.now(); counts.orders < yes && performance.now() - from < settleWithinMs; ) {
    await sleep(250);
    counts = await shop.counts(activityId);
  }
  const expected = { reservations: yes, orders: yes, free: buyers - yes, reserved: yes };
  for (const [name, value] of Object.entries(expected)) {
    const stored = counts[name as keyof typeof counts];
    if (stored !== value) problems.push(`${name} is ${stored} and should be ${value}`);
  }
  return { buyers, seconds, refusals, unclean, orders: counts.orders, problems };
}

/** UNAVAILABLE with the time to come back, or ABORTED where the first try of a purchase is still under way. */
function isClean({ status, retryAfter, body }: Answer): boolean {
  return retryAfter !== null && ((status === 503 && body.code === 14) || (status === 409 && body.code === 10));
}

function reasonOf({ body }: Answer): string {
  const details = Array.isArray(body.details) ? (body.details as { readonly reason?: string }[]) : [];
  return details.find(({ reason }) => reason !== undefined)?.reason ?? String(body.message ?? "no message");
}
