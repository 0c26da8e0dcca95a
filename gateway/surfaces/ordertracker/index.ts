import { OrderTrackerService } from "@ordermesh/proto/compat/ordertracker/v1/order_tracker_pb";
import type { Caller } from "@ordermesh/runtime/rpc/caller.ts";
import type { Surface } from "../../transcoder/surface.ts";
import { dialect, routing } from "./dialect.ts";
import { orderTrackerService } from "./handlers.ts";
import { createModel, patchModel, updateModel } from "./models.ts";
import { contentType, errorReply, problemReply } from "./replies.ts";
import { checkModel } from "./validation.ts";

export interface OrderTrackerOptions {
  /** Reaches `ordermesh.order.v1.OrderTaskService`. */
  readonly caller: Caller;
  /** ISO 4217 code of the prices, which carry none; one with two decimals. */
  readonly currency: string;
}

/** OrderTracker's REST API, revisions A and B (docs/contracts/ordertracker.md). */
export function createOrderTrackerSurface({ caller, currency }: OrderTrackerOptions): Surface {
  return {
    name: "ordertracker",
    services: [orderTrackerService(caller, currency)],
    dialect,
    routing,
    body: { contentTypes: "json-or-absent" },
    contentType,
    renderProblem: problemReply,
    renderError: errorReply,
    checkBody(method, body, request) {
      const tree = body.kind === "json" ? body.tree : body.kind === "other" ? body.text : undefined;
      if (method === OrderTrackerService.method.createTask) return checkModel(createModel, tree);
      return checkModel(request.method === "PATCH" ? patchModel : updateModel, tree);
    },
  };
}
