import { create, toBinary } from "@bufbuild/protobuf";
import { GetOrderRequestSchema } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import type { CreateRequests, LoadRequest } from "../../load/plan.ts";

export type Front = "REST" | "Connect" | "gRPC";

export interface OneOrderRequests {
  readonly front: Front;
  readonly orderIds: readonly string[];
  readonly authorization: string | undefined;
}

const method = "/ordermesh.order.v1.OrderService/GetOrder";

/** One order after the other, over and over. */
export const requests: CreateRequests<OneOrderRequests> = ({ front, orderIds, authorization }) => {
  const own: Record<string, string> = authorization === undefined ? {} : { authorization };
  const all = orderIds.map((id) => ({ ...requestOf(front, id, own), contains: id }));
  let next = 0;
  return { next: () => all[next++ % all.length] as LoadRequest };
};

function requestOf(front: Front, id: string, headers: Record<string, string>): LoadRequest {
  if (front === "REST") return { method: "GET", path: `/v1/orders/${id}`, headers };
  const bytes = toBinary(GetOrderRequestSchema, create(GetOrderRequestSchema, { orderId: id }));
  if (front === "Connect") {
    const connect = { ...headers, "content-type": "application/proto", "connect-protocol-version": "1" };
    return { method: "POST", path: method, headers: connect, body: bytes };
  }
  // A frame: not compressed, its length, the message.
  const frame = Buffer.alloc(5 + bytes.length);
  frame.writeUInt32BE(bytes.length, 1);
  frame.set(bytes, 5);
  const grpc = { ...headers, "content-type": "application/grpc", te: "trailers" };
  return { method: "POST", path: method, headers: grpc, body: frame };
}
