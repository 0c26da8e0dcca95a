import { MiniShopHealthService, MiniShopOrderService } from "@ordermesh/proto/compat/minishop/v1/order_pb";
import { MiniShopSeckillService } from "@ordermesh/proto/compat/minishop/v1/seckill_pb";
import type { Caller } from "@ordermesh/runtime/rpc/caller.ts";
import { bindService } from "@ordermesh/runtime/rpc/service.ts";
import type { RestRequest } from "../../transcoder/rest-request.ts";
import type { BodyVerdict, RequestBody, Surface } from "../../transcoder/surface.ts";
import { minishopDialect } from "./dialect.ts";
import { callErrorReply, contentType, missingBodyReply, problemReply } from "./error-replies.ts";
import { type HealthSource, healthHandlers } from "./health-handlers.ts";
import { orderHandlers } from "./order-handlers.ts";
import { minishopCors, minishopRouting } from "./routing.ts";
import { seckillHandlers } from "./seckill-handlers.ts";

export interface MiniShopOptions {
  /** Reaches the native order, flash-sale and failure services. */
  readonly caller: Caller;
  /** ISO 4217 code of the money in old payloads, which name none. */
  readonly currency: string;
  readonly readiness: HealthSource;
}

/** The REST API of the MiniShop system's order and flash-sale services (docs/contracts/minishop.md). */
export function createMiniShopSurface({ caller, currency, readiness }: MiniShopOptions): Surface {
  return {
    name: "minishop",
    services: [
      bindService(MiniShopOrderService, orderHandlers(caller, currency)),
      bindService(MiniShopHealthService, healthHandlers(readiness)),
      bindService(MiniShopSeckillService, seckillHandlers({ caller, currency, readiness })),
    ],
    dialect: minishopDialect,
    routing: minishopRouting,
    body: { contentTypes: "any" },
    contentType,
    cors: minishopCors,
    renderProblem: problemReply,
    renderError: callErrorReply,
    checkBody: (_method, body, request) => presentBody(body, request),
  };
}

/** Go's decoder: nothing at all is an error (EOF), null is an empty object. */
function presentBody(body: RequestBody, request: RestRequest): BodyVerdict {
  if (body.kind !== "json") return { reply: missingBodyReply(request) };
  return { tree: body.tree ?? new Map() };
}
