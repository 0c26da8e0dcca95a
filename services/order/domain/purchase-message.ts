import { fromBinary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type SeckillOrderCreate, SeckillOrderCreateSchema } from "@ordermesh/proto/ordermesh/events/v1/seckill_pb";
import { decimalText, fromMinor } from "./decimal.ts";
import { mostTotalMinor } from "./order-intake.ts";
import type { MessageReading } from "./seckill-message.ts";

/** Reads the message that our own purchase left (`SeckillOrderCreate`). Never throws. */
export function readPurchaseMessage(data: Uint8Array, storedAt: number): MessageReading {
  let message: SeckillOrderCreate;
  try {
    message = fromBinary(SeckillOrderCreateSchema, data);
  } catch {
    return { kind: "refused", reason: "the body is not a SeckillOrderCreate" };
  }
  const { unitPrice, createdAt, expiresAt, quantity } = message;
  const problem = problemOf(message);
  if (problem !== undefined || unitPrice === undefined || createdAt === undefined || expiresAt === undefined) {
    const about = [message.externalOrderId, message.buyerId, message.productId].map((id) =>
      id.replaceAll("\0", "").slice(0, 64),
    );
    const [externalOrderId = "", buyerId = "", productId = ""] = about;
    return {
      kind: "refused",
      reason: problem ?? "a field is missing",
      failure: { type: "VALIDATION", externalOrderId, buyerId, productId },
    };
  }
  return {
    kind: "order",
    intake: {
      purchase: {
        orderId: message.orderId,
        orderNumber: Number(message.orderNumber),
        lineNumber: Number(message.lineNumber),
        reservationId: message.reservationId,
        createdAt: timestampMs(createdAt),
        expiresAt: timestampMs(expiresAt),
      },
      externalId: message.externalOrderId,
      activityId: message.activityId,
      productId: message.productId,
      productName: message.productName,
      buyerId: message.buyerId,
      quantity,
      unitPrice: decimalText(fromMinor(unitPrice.minorUnits)),
      currency: unitPrice.currency,
      totalMinor: unitPrice.minorUnits * quantity,
      traceId: message.traceId,
      sentAt: storedAt,
    },
  };
}

function problemOf(message: SeckillOrderCreate): string | undefined {
  for (const field of ["orderId", "externalOrderId", "reservationId", "productId", "buyerId"] as const) {
    if (!isKey(message[field], 64) || message[field] === "") return `${field} is not an id`;
  }
  if (!isKey(message.activityId, 80)) return "activityId is not an id";
  if (!isKey(message.productName, 255)) return "productName cannot be stored";
  if (!isKey(message.traceId, 64)) return "traceId cannot be stored";
  for (const field of ["orderNumber", "lineNumber"] as const) {
    if (message[field] <= 0n || message[field] > BigInt(Number.MAX_SAFE_INTEGER)) return `${field} is out of range`;
  }
  if (message.quantity <= 0n) return "quantity is not positive";
  if (message.quantity > BigInt(Number.MAX_SAFE_INTEGER)) return "quantity is too large";
  const { unitPrice } = message;
  if (unitPrice === undefined || unitPrice.minorUnits < 0n) return "unitPrice is missing or negative";
  if (!/^[A-Z]{3}$/.test(unitPrice.currency)) return "unitPrice has no currency";
  if (unitPrice.minorUnits * message.quantity > mostTotalMinor) return "the total is beyond 99999999.99";
  return undefined;
}

function isKey(text: string, longest: number): boolean {
  return text.length <= longest && !text.includes("\0");
}
