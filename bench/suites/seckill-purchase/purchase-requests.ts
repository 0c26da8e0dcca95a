import type { Answer, CreateRequests, LoadRequest } from "../../load/plan.ts";

export type Front = "RPC" | "REST";

export interface PurchaseRequests {
  readonly front: Front;
  readonly activityId: string;
  /** Nobody else buys under names that begin so. */
  readonly buyers: string;
  readonly authorization?: string | undefined;
}

/** What the buyers of a run were told. */
export interface Told {
  /** Orders of those who heard yes, and when they did (epoch milliseconds). */
  readonly yes: readonly (readonly [orderId: string, at: number])[];
  /** Refusals by their message. */
  readonly refused: Readonly<Record<string, number>>;
}

/** Buyers who want one unit each, every one of them once. */
export const requests: CreateRequests<PurchaseRequests> = ({ front, activityId, buyers, authorization }) => {
  const headers = { "content-type": "application/json", ...(authorization === undefined ? {} : { authorization }) };
  const isRpc = front === "RPC";
  const path = isRpc ? "/ordermesh.order.v1.SeckillService/Purchase" : `/v1/seckill/activities/${activityId}:purchase`;
  const target = isRpc ? `"activityId":"${activityId}",` : "";
  // A refusal is FAILED_PRECONDITION: 400 over Connect; OUT_OF_STOCK is 409 over REST.
  const statuses = [200, isRpc ? 400 : 409];
  const yes: [string, number][] = [];
  const refused: Record<string, number> = {};
  let next = 1;
  return {
    next: (): LoadRequest => {
      const body = `{${target}"buyerId":"${buyers}${next++}","quantity":"1"}`;
      return { method: "POST", path, headers, body, statuses };
    },
    answered: (_, answer) => {
      if (answer.status === 200) yes.push([orderIdOf(answer), performance.timeOrigin + performance.now()]);
      else {
        const message = messageOf(answer);
        refused[message] = (refused[message] ?? 0) + 1;
      }
    },
    summary: (): Told => ({ yes, refused }),
  };
};

const orderIdField = '"orderId":"';

/** Without parsing the rest: the generator must cost less than what it measures. Empty where there is none. */
function orderIdOf({ body }: Answer): string {
  const at = body.indexOf(orderIdField);
  if (at < 0) return "";
  const start = at + orderIdField.length;
  return body.toString("latin1", start, body.indexOf('"', start));
}

function messageOf({ status, body }: Answer): string {
  try {
    return (JSON.parse(body.toString()) as { message: string }).message;
  } catch {
    return `status ${status}`;
  }
}
