/** Most that one order may cost, as the order book of MiniShop stores it: numeric(10,2) (docs/contracts/minishop.md 1.2). */
export const mostTotalMinor = 9_999_999_999n;

/** An order that a valid message asks for. */
export interface OrderIntake {
  /** Ours, made with the purchase; undefined for a message from outside. */
  readonly purchase:
    | {
        readonly orderId: string;
        readonly orderNumber: number;
        readonly lineNumber: number;
        readonly reservationId: string;
        /** Epoch milliseconds. */
        readonly createdAt: number;
        readonly expiresAt: number;
      }
    | undefined;
  readonly externalId: string;
  /** The sale that the message names, or "". */
  readonly activityId: string;
  readonly productId: string;
  /** As the message says; "" when it does not. */
  readonly productName: string;
  readonly buyerId: string;
  readonly quantity: bigint;
  /** Exact decimal text in major units. */
  readonly unitPrice: string;
  readonly currency: string;
  readonly totalMinor: bigint;
  readonly traceId: string;
  /** When it was sent (epoch milliseconds): tells the sale it belongs to. */
  readonly sentAt: number;
}
