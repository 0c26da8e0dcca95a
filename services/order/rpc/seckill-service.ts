import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type CreateActivityRequest,
  PurchaseResponseSchema,
  SeckillService,
} from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import { requireOwner } from "@ordermesh/runtime/auth/ownership.ts";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { CallContext } from "@ordermesh/runtime/rpc/call-context.ts";
import { idempotentReplayedHeader } from "@ordermesh/runtime/rpc/interceptors/idempotency.ts";
import { bindService, type ServiceBinding } from "@ordermesh/runtime/rpc/service.ts";
import type { Database, TransactOptions } from "@ordermesh/runtime/store/database.ts";
import type { Logger } from "@ordermesh/runtime/telemetry/logger.ts";
import { type ActivityRow, type ActivityTerms, checkWindow } from "../domain/activity.ts";
import { orderErrors } from "../domain/order-errors.ts";
import { defaultPaymentWindowMs } from "../domain/purchase.ts";
import { Rush } from "../domain/rush.ts";
import { activityById, countActivity, countBuyers, currentSale, listActivities } from "../store/activity-store.ts";
import { nextPageToken, readPageToken } from "../store/page-token.ts";
import { type Purchased, purchaseBatch } from "../store/purchase-batch.ts";
import { liveReservation, reservationById } from "../store/reservation-store.ts";
import { createActivity, endActivity, prewarmActivity, scheduleActivity } from "../store/sales.ts";
import { PurchaseCounter } from "./purchase-counter.ts";
import { activityMessage, purchaseMessage, reservationMessage } from "./seckill-messages.ts";

export interface SeckillServiceOptions {
  readonly database: Database;
  readonly log: Logger;
  /** Of this process's buyers; others may look at it. Default: one of its own. */
  readonly rush?: Rush;
  readonly settings?: {
    /** How long an order may be paid (milliseconds). Default 30 minutes. */
    readonly paymentWindowMs?: number;
    /** Most purchases waiting; beyond it a buyer is told to come back. Default 10000. */
    readonly mostWaiting?: number;
    /** Most purchases of one transaction. Default that of `groupCommit`. */
    readonly mostTogether?: number;
    /** Transactions of purchases at a time. Default 2; on SQLite 1. */
    readonly concurrency?: number;
  };
}

const defaultPageSize = 20;

/** Flash sales over one database (docs/contracts/minishop.md 1.5, 3.4, 6). */
export function seckillService({ database, rush = new Rush(), settings }: SeckillServiceOptions): ServiceBinding {
  const purchases = purchaseBatch({
    database,
    paymentWindowMs: settings?.paymentWindowMs ?? defaultPaymentWindowMs,
    maxQueue: settings?.mostWaiting,
    maxBatch: settings?.mostTogether,
    concurrency: settings?.concurrency,
    encode: (purchased) => toBinary(PurchaseResponseSchema, purchaseResponse(purchased)),
  });
  const counter = new PurchaseCounter();

  return bindService(SeckillService, {
    async createActivity(request, context) {
      const terms = termsOf(request);
      return { activity: activityMessage(await createActivity(database, terms, request.prewarm, once(context))) };
    },

    async getActivity({ activityId }) {
      return { activity: activityMessage(await existing(database, activityId)) };
    },

    async listActivities({ productId, state, pageSize, pageToken }) {
      const filters = [productId, state];
      const limit = pageSize === 0 ? defaultPageSize : pageSize;
      const rows = await listActivities(database.read, {
        productId: productId === "" ? undefined : productId,
        state: state === 0 ? undefined : state,
        after: readPageToken(pageToken, filters),
        limit: limit + 1,
      });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        activities: page.map(activityMessage),
        nextPageToken: rows.length > limit && last !== undefined ? nextPageToken(last, filters) : "",
      };
    },

    async scheduleActivity({ activityId, startsAt, endsAt }, context) {
      const window = windowOf(startsAt, endsAt);
      return { activity: activityMessage(await scheduleActivity(database, activityId, window, once(context))) };
    },

    async prewarmActivity({ activityId }, context) {
      return { activity: activityMessage(await prewarmActivity(database, activityId, once(context))) };
    },

    async closeActivity({ activityId }, context) {
      return { activity: activityMessage(await endActivity(database, activityId, once(context))) };
    },

    async getActivityStats({ activityId }) {
      const { stock } = activityMessage(await existing(database, activityId));
      const counts = await countActivity(database.read, activityId);
      return {
        stock,
        buyerCount: BigInt(counts.buyers),
        reservationCount: BigInt(counts.reservations),
        releasedCount: BigInt(counts.released),
        orderCount: BigInt(counts.orders),
      };
    },

    async purchase({ activityId, productId, buyerId, quantity }, context) {
      requireOwner(context.principal, buyerId);
      const committed = purchases.commit(
        {
          target: activityId === "" ? { productId } : { activityId },
          buyerId,
          quantity: Number(quantity),
          traceId: context.trace.traceId,
          claim: context.idempotency,
        },
        { signal: context.signal, deadline: context.deadline },
      );
      const result = await counter.count(rush.during(committed));
      if (!("stored" in result)) return purchaseResponse(result);
      context.responseHeader.set(idempotentReplayedHeader, "true");
      return fromBinary(PurchaseResponseSchema, result.stored);
    },

    async getPurchaseStats() {
      const { waiting, free } = purchases.queue();
      return counter.stats(waiting, free);
    },

    async getReservation({ reservationId }, { principal }) {
      const row = await reservationById(database.read, reservationId);
      if (row === undefined) throw fail(orderErrors.RESERVATION_NOT_FOUND);
      requireOwner(principal, row.buyerId);
      return { reservation: reservationMessage(row) };
    },

    async getProductSale({ productId, buyerId }, { principal }) {
      if (buyerId !== "") requireOwner(principal, buyerId);
      const sale = await currentSale(database.read, productId);
      if (sale === undefined) return {};
      const buyers = await countBuyers(database.read, sale.id);
      const held = buyerId === "" ? undefined : await liveReservation(database.read, sale.id, buyerId);
      return {
        activity: activityMessage(sale),
        buyerCount: BigInt(buyers),
        reservation: held && reservationMessage(held),
      };
    },
  });
}

function purchaseResponse(purchased: Purchased) {
  return create(PurchaseResponseSchema, { reservation: purchaseMessage(purchased) });
}

async function existing(database: Database, activityId: string): Promise<ActivityRow> {
  const activity = await activityById(database.read, activityId);
  if (activity === undefined) throw fail(orderErrors.ACTIVITY_NOT_FOUND);
  return activity;
}

/** An activity's change under the caller's Idempotency-Key. */
function once({ idempotency, responseHeader, signal }: CallContext): TransactOptions<ActivityRow> {
  return {
    signal,
    idempotency: {
      claim: idempotency,
      encode: (row) => Buffer.from(JSON.stringify(row)),
      decode: (answer) => JSON.parse(Buffer.from(answer).toString()) as ActivityRow,
      replayed: () => responseHeader.set(idempotentReplayedHeader, "true"),
    },
  };
}

function termsOf(request: CreateActivityRequest): ActivityTerms {
  return {
    productId: request.productId,
    productName: request.productName,
    currency: request.price?.currency ?? "",
    priceMinor: Number(request.price?.minorUnits ?? 0n),
    total: Number(request.totalStock),
    perUserLimit: Number(request.perUserLimit),
    ...windowOf(request.startsAt, request.endsAt),
    label: request.label,
  };
}

function windowOf(startsAt: Timestamp | undefined, endsAt: Timestamp | undefined) {
  const window = { startsAt: timeOf("starts_at", startsAt), endsAt: timeOf("ends_at", endsAt) };
  checkWindow(window.startsAt, window.endsAt);
  return window;
}

/** Years that every database stores. */
const firstMs = Date.UTC(1000, 0, 1);
const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

function timeOf(field: string, timestamp: Timestamp | undefined): number | null {
  if (timestamp === undefined) return null;
  const epochMs = Math.floor(timestampMs(timestamp));
  if (epochMs >= firstMs && epochMs <= lastMs) return epochMs;
  throw fail("VALIDATION", { violations: [{ field, description: "must be in the years 1000 to 9999" }] });
}
