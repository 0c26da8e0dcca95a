import type { RetentionRule } from "@ordermesh/runtime/store/retention.ts";

const keepMs = 400 * 86_400_000;

/** What the tables beside the orders keep; orders themselves stay. For `startRetention`. */
export const orderRetention: readonly RetentionRule[] = [
  {
    table: "order_history",
    column: "changed_at",
    keepMs,
    reason: "who moved an order is asked within a year's accounts and a month to close them",
  },
  // Both count from the first failure: none is tried again after a day (docs/contracts/minishop.md 4).
  { table: "failures", column: "created_at", keepMs, reason: "as the history of the orders that they became" },
  { table: "failure_attempts", column: "started_at", keepMs, reason: "as the failures that they belong to" },
];
