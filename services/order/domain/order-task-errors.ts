import { Code } from "@connectrpc/connect";
import { defineErrors } from "@ordermesh/runtime/errors/define.ts";

/** Refusals of order tasks (contracts/ordertracker.md 1.7, 3.4, 7.9). */
export const orderTaskErrors = defineErrors({
  // 409, not 429: an existing resource is in the way, and clients repeat a 429 by themselves.
  ORDER_LIMIT_24H: {
    code: Code.AlreadyExists,
    text: "this user has a task at this shop that is younger than 24 hours",
  },
  TASK_NOT_FOUND: { code: Code.NotFound, text: "no such task" },
  TASK_FINAL: {
    code: Code.FailedPrecondition,
    http: 409,
    text: "a completed or failed task takes another status only by force",
  },
  VERSION_MISMATCH: { code: Code.Aborted, text: "the task has changed meanwhile" },
});
