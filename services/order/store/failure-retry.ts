import { Code, ConnectError } from "@connectrpc/connect";
import type { Database, TransactOptions } from "@ordermesh/runtime/store/database.ts";
import { allocator } from "@ordermesh/runtime/store/sequence.ts";
import { StoreError } from "@ordermesh/runtime/store/store-error.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import type { OrderIntake } from "../domain/order-intake.ts";
import { defaultPaymentWindowMs } from "../domain/purchase.ts";
import { type MessageReading, readSeckillMessage } from "../domain/seckill-message.ts";
import { type FailureClaim, settleFailure, settleSuccess } from "./failure-lease.ts";
import { takeOrders } from "./order-intake.ts";

/** How an attempt on a failed message ended: its order stands, it failed with an error, or its lease was lost. */
export type RetryOutcome<T> =
  | { readonly kind: "success"; readonly value: T }
  | { readonly kind: "failure"; readonly error: string }
  | { readonly kind: "lost" };

export interface RetryOptions<T> {
  /** Currency of messages that carry none. */
  readonly currency: string;
  readonly random?: () => number;
  readonly transact?: TransactOptions<T>;
}

/** Makes the order of a claimed failure from its message, by the path that messages take. */
export interface FailureRetrier {
  /** `answer` reads, in the transaction of the order, what a success is answered with. */
  retry<T>(
    claim: FailureClaim,
    answer: (uow: UnitOfWork) => Promise<T>,
    options: RetryOptions<T>,
  ): Promise<RetryOutcome<T>>;
}

/** Rolls the attempt back; its outcome is written in a transaction of its own. */
class AttemptFailed extends Error {
  readonly retryable: boolean;

  constructor(message: string, retryable: boolean) {
    super(message);
    this.retryable = retryable;
  }
}

class LeaseLost extends Error {}

/** `paymentWindowMs`: how long an order that is made may be paid. */
export function failureRetrier(database: Database, paymentWindowMs: number = defaultPaymentWindowMs): FailureRetrier {
  const orderNumbers = allocator(database, "order", 1);
  const lineNumbers = allocator(database, "order_line", 1);

  return {
    async retry(claim, answer, { currency, random = Math.random, transact }) {
      const { row } = claim;
      const reading = readSeckillMessage(row, currency);
      try {
        const intake = intakeOf(reading);
        const numbers = { orders: await orderNumbers.take(1), lines: await lineNumbers.take(1) };
        const value = await database.transact(async (uow) => {
          // First the row: an attempt whose lease went to another one must not make the order beside it.
          if (!(await settleSuccess(uow, claim))) throw new LeaseLost("the lease was lost");
          const [result] = await takeOrders(uow, [intake], numbers, paymentWindowMs);
          if (result?.kind === "conflict") throw new AttemptFailed(result.reason, false);
          return await answer(uow);
        }, transact);
        return { kind: "success", value };
      } catch (error) {
        if (error instanceof LeaseLost) return { kind: "lost" };
        const failure = attemptFailure(error);
        if (failure === undefined) throw error;
        const reservationId = reading.kind === "order" ? reading.intake.purchase?.reservationId : undefined;
        const outcome = { error: failure.message, retryable: failure.retryable, reservationId };
        await database.transact((uow) => settleFailure(uow, claim, outcome, random));
        return { kind: "failure", error: failure.message };
      }
    },
  };
}

function intakeOf(reading: MessageReading): OrderIntake {
  if (reading.kind === "order") return reading.intake;
  throw new AttemptFailed(reading.kind === "refused" ? reading.reason : "the message asks for no order", false);
}

/** Undefined: not of the message's doing (the call was cancelled, its key stands for another request, a defect). */
function attemptFailure(error: unknown): AttemptFailed | undefined {
  if (error instanceof AttemptFailed) return error;
  if (error instanceof StoreError) {
    const permanent = ["constraint", "out-of-range", "data-too-long", "invalid-value"].includes(error.kind);
    return new AttemptFailed(error.message, !permanent);
  }
  if (error instanceof ConnectError && (error.code === Code.Unavailable || error.code === Code.Aborted)) {
    return new AttemptFailed(error.rawMessage, true);
  }
  return undefined;
}
