import { defineConfig, option } from "@ordermesh/runtime/config/option.ts";
import { choice, integer } from "@ordermesh/runtime/config/values.ts";

/** The order service's own options. */
export const orderOptions = defineConfig({
  ORDER_PAYMENT_WINDOW_MINUTES: option({
    schema: integer(1, 43_200, "minutes"),
    default: 30,
    doc: "How long a new order may be paid before it expires and its stock is sold again.",
    reason: "MiniShop's: its buyers are told so.",
  }),
  PURCHASE_QUEUE: option({
    schema: integer(1, 1_000_000),
    default: 10_000,
    doc: "Most purchases that wait for their turn; further buyers are told at once when to come back.",
    reason: "About a second's work and a few megabytes of memory.",
  }),
  PURCHASE_RUSH_SECONDS: option({
    schema: integer(0, 600, "seconds"),
    default: 5,
    doc: "How long buyers who come faster than their purchases are made may hold up orders; 0: not at all.",
    reason: "Buyers wait for their answer; an order is told from its purchase until it is made.",
  }),
  LIMIT_IGNORES_FAILED: option({
    schema: choice("true", "false"),
    default: "false",
    doc: "Whether a failed order task lets its user order in that shop again within 24 hours.",
    reason: "OrderTracker's: its status counts for nothing.",
  }),
  AUTO_COMPLETE_MERGED: option({
    schema: choice("true", "false"),
    default: "false",
    doc: "Whether values stored earlier count when an update decides if an order task is complete.",
    reason: "OrderTracker's: only the values of one update count.",
  }),
});
