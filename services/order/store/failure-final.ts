import { create, toBinary } from "@bufbuild/protobuf";
import { OrderFailureFinalSchema } from "@ordermesh/proto/ordermesh/events/v1/order_pb";
import { text } from "@ordermesh/runtime/store/column.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import { moveReservations } from "./stock.ts";

/** A failure whose attempts are used up, or whose cause is permanent. */
export interface FinalFailure {
  readonly number: number;
  readonly externalOrderId: string;
  readonly buyerId: string;
  readonly productId: string;
  readonly reason: string;
  /** The reservation that our own purchase made for the message. */
  readonly reservationId?: string | undefined;
}

/**
 * What the end of a failure brings, in the transaction that ends it: stock and slot go back once, and an event tells it
 * (docs/contracts/minishop.md 4). A reservation whose order stands, or that belongs to another order id, is left alone.
 */
export async function finishFailure(uow: UnitOfWork, failure: FinalFailure): Promise<void> {
  const { number, externalOrderId, buyerId, productId, reason, reservationId } = failure;
  if (reservationId !== undefined) {
    // The lock first: an order that is being made from the reservation is seen, or waits.
    const [held] = await uow.all(
      `select order_id from reservations where id = ? and external_order_id = ?${uow.dialect.forUpdate}`,
      [reservationId, externalOrderId],
    );
    const orders = held && (await uow.all("select id from orders where id = ?", [text(held.order_id)]));
    if (orders?.length === 0) await moveReservations(uow, [reservationId], "release");
  }
  const event = create(OrderFailureFinalSchema, {
    failureNumber: BigInt(number),
    externalOrderId,
    buyerId,
    productId,
    reason,
  });
  uow.emit({ subject: "ordermesh.order.failure.final.v1", data: toBinary(OrderFailureFinalSchema, event) });
}
