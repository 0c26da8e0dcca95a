import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type FailureSchema,
  FailureService,
  FailureStatus,
  RetryFailureResponseSchema,
} from "@ordermesh/proto/ordermesh/order/v1/failure_pb";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { idempotentReplayedHeader } from "@ordermesh/runtime/rpc/interceptors/idempotency.ts";
import { bindService, type ServiceBinding } from "@ordermesh/runtime/rpc/service.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import type { Logger } from "@ordermesh/runtime/telemetry/logger.ts";
import { orderErrors } from "../domain/order-errors.ts";
import { claimByNumber } from "../store/failure-lease.ts";
import { failureRetrier } from "../store/failure-retry.ts";
import { countFailures, type FailureRow, failureByNumber, listAttempts, listFailures } from "../store/failure-store.ts";
import { nextPageToken, readPageToken } from "../store/page-token.ts";

export interface FailureServiceDeps {
  readonly database: Database;
  readonly log: Logger;
  /** Currency of messages that carry none. Default CNY. */
  readonly currency?: string;
  /** How long an order that is made may be paid (milliseconds). Default 30 minutes. */
  readonly paymentWindowMs?: number;
}

const defaultPageSize = 20;
/** A manual attempt that died may be made again after so long (milliseconds). */
const leaseMs = 60_000;

/** FailureService by contracts/minishop.md 4: look at failed messages and try them again by hand. */
export function failureService({
  database,
  log,
  currency = "CNY",
  paymentWindowMs,
}: FailureServiceDeps): ServiceBinding {
  const { read } = database;
  const retrier = failureRetrier(database, paymentWindowMs);

  async function failureOf(number: bigint): Promise<FailureRow> {
    const row = await failureByNumber(read, number);
    if (row === undefined) throw fail(orderErrors.FAILURE_NOT_FOUND);
    return row;
  }

  return bindService(FailureService, {
    async getFailure({ number }) {
      return { failure: failureMessage(await failureOf(number)) };
    },

    async listFailures(request) {
      const limit = request.pageSize === 0 ? defaultPageSize : request.pageSize;
      const status = request.status === FailureStatus.UNSPECIFIED ? undefined : request.status;
      const after = readPageToken(request.pageToken, [status]);
      if (after !== undefined && !/^[0-9]{1,15}$/.test(after.id)) {
        throw fail("VALIDATION", { violations: [{ field: "page_token", description: "is not a token of this list" }] });
      }
      const rows = await listFailures(read, {
        limit: limit + 1,
        skip: request.skip,
        ...(status === undefined ? {} : { status }),
        ...(after === undefined ? {} : { after }),
      });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        failures: page.map(failureMessage),
        nextPageToken:
          last === undefined || rows.length <= limit
            ? ""
            : nextPageToken({ createdAt: last.createdAt, id: String(last.number) }, [status]),
        ...(request.includeTotal ? { totalSize: BigInt(await countFailures(read, status)) } : {}),
      };
    },

    async retryFailure({ number }, context) {
      const transact = {
        signal: context.signal,
        idempotency: {
          claim: context.idempotency,
          encode: (response: ReturnType<typeof retried>) => toBinary(RetryFailureResponseSchema, response),
          decode: (stored: Uint8Array) => fromBinary(RetryFailureResponseSchema, stored),
          replayed: () => context.responseHeader.set(idempotentReplayedHeader, "true"),
        },
      };
      const claim = await claimByNumber(database, number, { actor: context.principal.id, leaseMs });
      if (claim === undefined) throw fail(orderErrors.FAILURE_NOT_FOUND);
      if (claim === "busy") throw fail(orderErrors.FAILURE_IN_PROGRESS);
      if (claim === "resolved") {
        // The same key may have been answered with this success.
        return await database.transact(async () => {
          throw fail(orderErrors.FAILURE_RESOLVED);
        }, transact);
      }
      const outcome = await retrier.retry(claim, async (uow) => retried(await failureByNumber(uow, number)), {
        currency,
        transact,
      });
      log.info({ failure: claim.row.number, outcome: outcome.kind }, "tried a failed message again by hand");
      if (outcome.kind === "lost") throw fail(orderErrors.FAILURE_IN_PROGRESS);
      if (outcome.kind === "failure") {
        throw fail(orderErrors.FAILURE_RETRY_FAILED, { metadata: { error: outcome.error } });
      }
      return outcome.value;
    },

    async listFailureAttempts({ number }) {
      const { number: known } = await failureOf(number);
      const attempts = await listAttempts(read, known);
      return {
        attempts: attempts.map(({ startedAt, ...attempt }) => ({ ...attempt, startedAt: timestampFromMs(startedAt) })),
      };
    },
  });
}

function retried(row: FailureRow | undefined) {
  return create(RetryFailureResponseSchema, row === undefined ? {} : { failure: failureMessage(row) });
}

function failureMessage(row: FailureRow): MessageInitShape<typeof FailureSchema> {
  const { nextRetryAt, leaseUntil } = row;
  return {
    number: BigInt(row.number),
    externalOrderId: row.externalOrderId,
    buyerId: row.buyerId,
    productId: row.productId,
    failureType: row.failureType,
    messageData: row.data,
    originalError: row.originalError,
    lastError: row.lastError,
    retryCount: row.retryCount,
    maxRetries: row.maxRetries,
    status: row.status,
    createdAt: timestampFromMs(row.createdAt),
    updatedAt: timestampFromMs(row.updatedAt),
    ...(nextRetryAt === null ? {} : { nextRetryAt: timestampFromMs(nextRetryAt) }),
    ...(leaseUntil === null ? {} : { leaseUntil: timestampFromMs(leaseUntil) }),
  };
}
