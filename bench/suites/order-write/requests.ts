import type { CreateRequests, LoadRequest } from "../../load/plan.ts";
import { orderId } from "../order-read/seed.ts";

export type Operation = "create" | "update";

export interface WriteOptions {
  readonly operation: Operation;
  /** Number of the first call: no other run uses it or the following ones. */
  readonly first: number;
  readonly authorization: string | undefined;
}

const services = "/ordermesh.order.v1";

/** Each user's one task, or each order's one move. */
export const requests: CreateRequests<WriteOptions> = ({ operation, first, authorization }) => {
  const headers = { "content-type": "application/json", ...(authorization === undefined ? {} : { authorization }) };
  let next = first;
  const create = (): LoadRequest => {
    const task = {
      userName: `user-${next++}`,
      shopName: "rice and tea",
      productUrl: "https://shop.example/item/5000017",
      productPrice: { currency: "CNY", minorUnits: "4990" },
      productSku: "RICE-5KG",
    };
    const path = `${services}.OrderTaskService/CreateOrderTask`;
    return { method: "POST", path, headers, body: JSON.stringify(task) };
  };
  const update = (): LoadRequest => {
    const move = { orderId: orderId(next++), status: "ORDER_STATUS_COMPLETED", remark: "handed over" };
    const path = `${services}.OrderService/UpdateOrderStatus`;
    return { method: "POST", path, headers, body: JSON.stringify(move) };
  };
  return { next: operation === "create" ? create : update };
};
