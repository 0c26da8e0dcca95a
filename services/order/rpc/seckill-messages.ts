import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ActivitySchema, ReservationSchema } from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import type { ActivityRow } from "../domain/activity.ts";
import { parseDecimal, totalMinor } from "../domain/decimal.ts";
import { reservationStates } from "../domain/purchase.ts";
import type { Purchased } from "../store/purchase-batch.ts";
import type { ReservationRow } from "../store/reservation-store.ts";

export function activityMessage(row: ActivityRow): MessageInitShape<typeof ActivitySchema> {
  return {
    activityId: row.id,
    productId: row.productId,
    productName: row.productName,
    price: { currency: row.currency, minorUnits: BigInt(row.priceMinor) },
    stock: {
      total: BigInt(row.total),
      free: BigInt(row.free),
      reserved: BigInt(row.reserved),
      sold: BigInt(row.sold),
    },
    perUserLimit: BigInt(row.perUserLimit),
    startsAt: timestampOrNone(row.startsAt),
    endsAt: timestampOrNone(row.endsAt),
    state: row.state,
    openedAt: timestampOrNone(row.openedAt),
    closedAt: timestampOrNone(row.closedAt),
    createdAt: timestampFromMs(row.createdAt),
    updatedAt: timestampFromMs(row.updatedAt),
    label: row.label,
  };
}

/** A unit price with more than two decimals is rounded half up. */
export function reservationMessage(row: ReservationRow): MessageInitShape<typeof ReservationSchema> {
  const price = parseDecimal(row.unitPrice) ?? { units: 0n, scale: 0 };
  return {
    reservationId: row.id,
    activityId: row.activityId,
    productId: row.productId,
    buyerId: row.buyerId,
    quantity: BigInt(row.quantity),
    unitPrice: { currency: row.currency, minorUnits: totalMinor(price, 1n) },
    state: row.state,
    orderId: row.orderId,
    externalOrderId: row.externalOrderId,
    createdAt: timestampFromMs(row.createdAt),
    expiresAt: timestampFromMs(row.expiresAt),
    releasedAt: timestampOrNone(row.releasedAt),
  };
}

export function purchaseMessage({ reservation, remaining }: Purchased): MessageInitShape<typeof ReservationSchema> {
  const row = { ...reservation, state: reservationStates.reserved, soldAt: null, releasedAt: null };
  return { ...reservationMessage(row), remainingStock: BigInt(remaining) };
}

function timestampOrNone(epochMs: number | null) {
  return epochMs === null ? undefined : timestampFromMs(epochMs);
}
