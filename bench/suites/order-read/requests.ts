import type { CreateRequests, LoadRequest } from "../../load/plan.ts";
import { buyerId, orderId, ordersOfBuyer } from "./seed.ts";

export interface ReadOptions {
  readonly operation: "get" | "list";
  /** How many are stored. */
  readonly orders: number;
  readonly authorization: string | undefined;
}

/** Any order, or the latest of any buyer, each as likely as the others. */
export const requests: CreateRequests<ReadOptions> = ({ operation, orders, authorization }) => {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const random = (below: number) => Math.floor(Math.random() * below);
  const get = (): LoadRequest => {
    const id = orderId(1 + random(orders));
    return { method: "GET", path: `/v1/orders/${id}`, headers, contains: id };
  };
  const list = (): LoadRequest => {
    const id = buyerId(random(orders / ordersOfBuyer));
    return { method: "GET", path: `/v1/orders?buyerId=${id}&pageSize=${ordersOfBuyer}`, headers, contains: id };
  };
  return { next: operation === "get" ? get : list };
};
