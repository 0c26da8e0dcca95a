import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { SeckillOrderCreateSchema } from "@ordermesh/proto/ordermesh/events/v1/seckill_pb";
import type { OutboxEvent } from "@ordermesh/runtime/store/unit-of-work.ts";
import type { ActivityRow } from "../domain/activity.ts";
import type { NewReservation } from "./reservation-store.ts";

const headers = { "content-type": "application/x-protobuf" };

/** What makes a purchase an order, in the consumer. */
export function purchaseEvent(reservation: NewReservation, activity: ActivityRow): OutboxEvent {
  const event = create(SeckillOrderCreateSchema, {
    orderId: reservation.orderId,
    orderNumber: BigInt(reservation.orderNumber),
    lineNumber: BigInt(reservation.lineNumber),
    externalOrderId: reservation.externalOrderId,
    reservationId: reservation.id,
    activityId: reservation.activityId,
    productId: reservation.productId,
    productName: activity.productName,
    buyerId: reservation.buyerId,
    quantity: BigInt(reservation.quantity),
    unitPrice: { currency: reservation.currency, minorUnits: BigInt(activity.priceMinor) },
    traceId: reservation.traceId,
    createdAt: timestampFromMs(reservation.createdAt),
    expiresAt: timestampFromMs(reservation.expiresAt),
  });
  return { subject: "seckill.order.create", data: toBinary(SeckillOrderCreateSchema, event), headers };
}
