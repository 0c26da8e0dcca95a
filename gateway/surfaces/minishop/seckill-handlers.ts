import { ConnectError } from "@connectrpc/connect";
import type { MiniShopSeckillService, PurchaseRequest } from "@ordermesh/proto/compat/minishop/v1/seckill_pb";
import { type Activity, ActivityState, SeckillService } from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { metadataOf, reasonOf, retryAfterMsOf } from "@ordermesh/runtime/errors/inspect.ts";
import type { CallContext } from "@ordermesh/runtime/rpc/call-context.ts";
import type { Caller } from "@ordermesh/runtime/rpc/caller.ts";
import type { ServiceHandlers } from "@ordermesh/runtime/rpc/service.ts";
import { relay } from "../../transcoder/relay.ts";
import { activityView } from "./activity-view.ts";
import { minishopErrors } from "./errors.ts";
import type { HealthSource } from "./health-handlers.ts";
import { unlessZero, zeroTime } from "./legacy-time.ts";
import { minorUnits } from "./money.ts";
import { buyerIdOf, productIdOf } from "./path-ids.ts";
import { notQueued, outOfStock, purchased, refused } from "./purchase-result.ts";
import { systemStatsView } from "./system-stats-view.ts";

/** No sale has more: a purchase beyond it finds too little stock whatever the sale. */
const maxStock = 1_000_000_000_000n;

type PurchaseFields = Pick<PurchaseRequest, "productId" | "userId" | "quantity">;

export interface SeckillHandlersOptions {
  readonly caller: Caller;
  readonly currency: string;
  readonly readiness: HealthSource;
}

/** S1 to S9 (docs/contracts/minishop.md 1.5) over native flash sales. */
export function seckillHandlers(options: SeckillHandlersOptions): ServiceHandlers<typeof MiniShopSeckillService> {
  const { caller, currency, readiness } = options;
  return {
    async checkSystemHealth() {
      const timestamp = `${new Date().toISOString().slice(0, 19)}Z`;
      if (readiness.status() === "SERVING") return { service: "seckill-service", status: "healthy", timestamp };
      return { error: "service is not ready", status: "unhealthy", timestamp, httpStatus: 503 };
    },

    async purchase(request, context) {
      checkPurchase(request);
      if (request.quantity > maxStock) return outOfStock;
      try {
        return purchased(await buy(request, context));
      } catch (error) {
        return refusal(error, context);
      }
    },

    async purchaseAsync(request, context) {
      checkPurchase(request);
      const { productId, userId } = request;
      try {
        if (request.quantity <= maxStock) await buy(request, context);
      } catch (error) {
        const problem = error instanceof ConnectError ? notQueued(error) : error;
        if (problem !== undefined) throw problem;
      }
      return { message: "Request accepted and will be processed asynchronously", productId, userId };
    },

    async prewarmActivity({ activity }, context) {
      if (activity === undefined || activity.productId <= 0n || activity.stock <= 0n) {
        throw fail(minishopErrors.PARAMETERS_INVALID);
      }
      const { productId, stock } = activity;
      const request = {
        productId: String(productId),
        productName: activity.productName,
        price: { currency, minorUnits: minorUnits(activity.price || "0", currency) },
        totalStock: stock,
        startsAt: unlessZero(activity.startTime),
        endsAt: unlessZero(activity.endTime),
        prewarm: true,
        label: activity.status,
      };
      try {
        await relay(caller, context).unary(SeckillService.method.createActivity, request);
      } catch (error) {
        if (!isSameSale(error)) throw error;
      }
      return { message: "Activity prewarmed successfully", productId, stock };
    },

    async getProductStats(request, context) {
      const productId = productIdOf(request.productId);
      const { activity, buyerCount } = await saleOf(productId, undefined, context);
      if (!isOpen(activity)) return { productId, activityInfo: activityView(undefined) };
      return {
        productId,
        currentStock: activity.stock?.free,
        userCount: buyerCount,
        activityInfo: activityView(activity),
      };
    },

    async checkPurchased(request, context) {
      const productId = productIdOf(request.productId);
      const userId = buyerIdOf(request.userId);
      const { activity, reservation } = await saleOf(productId, userId, context);
      return { productId, userId, purchased: isOpen(activity) && reservation !== undefined };
    },

    async getPurchase(request, context) {
      const productId = productIdOf(request.productId);
      const userId = buyerIdOf(request.userId);
      const { reservation } = await saleOf(productId, userId, context);
      return {
        userId,
        productId,
        quantity: reservation?.quantity,
        purchaseTime: reservation?.createdAt ?? zeroTime,
        status: reservation === undefined ? "none" : "success",
      };
    },

    async cleanUpActivity(request, context) {
      const productId = productIdOf(request.productId);
      const { activity } = await saleOf(productId, undefined, context);
      if (isOpen(activity)) {
        const { activityId } = activity;
        await relay(caller, context).unary(SeckillService.method.closeActivity, { activityId });
      }
      return { message: "Activity cleaned up successfully", productId };
    },

    async getSystemStats(_request, context) {
      return systemStatsView((await relay(caller, context).unary(SeckillService.method.getPurchaseStats, {})).message);
    },
  };

  async function buy({ productId, userId, quantity }: PurchaseFields, context: CallContext) {
    const request = { productId: String(productId), buyerId: String(userId), quantity };
    return (await relay(caller, context).unary(SeckillService.method.purchase, request)).message.reservation;
  }

  /** The product's sale, open or last, and what `userId` holds in it. */
  async function saleOf(productId: bigint, userId: bigint | undefined, context: CallContext) {
    const request = { productId: String(productId), buyerId: userId === undefined ? "" : String(userId) };
    return (await relay(caller, context).unary(SeckillService.method.getProductSale, request)).message;
  }
}

/** Throws PARAMETERS_INVALID. */
function checkPurchase({ productId, userId, quantity }: PurchaseFields): void {
  if (productId <= 0n || userId <= 0n || quantity <= 0n) throw fail(minishopErrors.PARAMETERS_INVALID);
}

/** What clean-up has closed is gone for the old clients: its keys were deleted. */
function isOpen(activity: Activity | undefined): activity is Activity {
  return activity?.state === ActivityState.OPEN;
}

function refusal(error: unknown, context: CallContext) {
  const result = error instanceof ConnectError ? refused(error) : undefined;
  if (!(error instanceof ConnectError) || result === undefined) throw error;
  const retryAfterMs = retryAfterMsOf(error);
  if (retryAfterMs !== undefined) {
    context.responseHeader.set("retry-after", String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
  }
  return result;
}

/** The sale that is open already is the very one asked for. */
function isSameSale(error: unknown): boolean {
  return error instanceof ConnectError && reasonOf(error) === "SALE_OPEN" && metadataOf(error).identical === "true";
}
