import { OrderTaskStatus } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { orderTaskErrors } from "./order-task-errors.ts";

/** One task per user and shop in this time (contracts/ordertracker.md 3.1); milliseconds. */
export const limitWindowMs = 24 * 3600 * 1000;

/** A deployment's choices where the contract leaves one. */
export interface OrderTaskSettings {
  /** AUTO_COMPLETE_MERGED (3.4): stored values count for the automatic rule, too. Default false. */
  readonly autoCompleteMerged?: boolean;
  /** LIMIT_IGNORES_FAILED (3.1): a failed task releases its slot. Default false. */
  readonly limitIgnoresFailed?: boolean;
}

/** What an update may write besides the status; "" is a value (1.3). */
export interface TaskDetails {
  readonly shopOrderId?: string | undefined;
  readonly alipayTradeNo?: string | undefined;
  readonly receiverName?: string | undefined;
  readonly receiverAddress?: string | undefined;
  readonly receiverPhone?: string | undefined;
  readonly errorMessage?: string | undefined;
}

/** A stored task. Times are epoch milliseconds. */
export interface OrderTaskRecord extends TaskDetails {
  readonly taskId: string;
  readonly number: number;
  readonly userName: string;
  readonly shopName: string;
  readonly productUrl: string;
  readonly productPrice: { readonly currency: string; readonly minorUnits: bigint };
  readonly productSku: string;
  readonly status: OrderTaskStatus;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly completedAt: number | undefined;
  readonly version: number;
}

export interface TaskUpdate {
  readonly details: TaskDetails;
  /** Explicit: wins over the automatic rule. */
  readonly status?: OrderTaskStatus | undefined;
  readonly force: boolean;
  readonly expectedVersion?: number | undefined;
}

export interface TaskChange {
  readonly task: OrderTaskRecord;
  /** Proto names of the fields written; empty: nothing changed and there is nothing to store. */
  readonly changedFields: readonly string[];
  /** The automatic rule completed the task. */
  readonly automatic: boolean;
}

const fieldNames: { readonly [K in keyof Required<TaskDetails>]: string } = {
  shopOrderId: "shop_order_id",
  alipayTradeNo: "alipay_trade_no",
  receiverName: "receiver_name",
  receiverAddress: "receiver_address",
  receiverPhone: "receiver_phone",
  errorMessage: "error_message",
};

/** Milliseconds until a slot taken at `takenAt` is free again; 0 or less: free. Exactly 24 hours are enough (3.1). */
export function limitRemainingMs(takenAt: number, now: number): number {
  return takenAt + limitWindowMs - now;
}

/**
 * Applies an update by contracts/ordertracker.md 3.4. Throws ABORTED (VERSION_MISMATCH), and FAILED_PRECONDITION
 * (TASK_FINAL) where a status would leave COMPLETED or FAILED without force. The status that a final task has already
 * is a success with nothing changed (7.9).
 */
export function applyUpdate(
  task: OrderTaskRecord,
  update: TaskUpdate,
  now: number,
  settings: OrderTaskSettings = {},
): TaskChange {
  if (update.expectedVersion !== undefined && update.expectedVersion !== task.version) {
    throw fail(orderTaskErrors.VERSION_MISMATCH, { metadata: { ...named(task), version: String(task.version) } });
  }
  if (update.status !== undefined && isFinal(task.status) && !update.force) {
    if (update.status === task.status) return { task, changedFields: [], automatic: false };
    throw fail(orderTaskErrors.TASK_FINAL, {
      metadata: { ...named(task), status: OrderTaskStatus[task.status] },
    });
  }
  const given = Object.entries(update.details).filter(([, value]) => value !== undefined);
  const automatic = update.status === undefined && completesItself(task, update.details, settings);
  const explicitOrAutomatic = automatic ? OrderTaskStatus.COMPLETED : update.status;
  const changedFields = given.map(([name]) => fieldNames[name as keyof TaskDetails]);
  if (explicitOrAutomatic !== undefined) changedFields.push("status");
  if (changedFields.length === 0) return { task, changedFields, automatic };
  const status = explicitOrAutomatic ?? task.status;
  const changed: OrderTaskRecord = {
    ...task,
    ...Object.fromEntries(given),
    status,
    updatedAt: now,
    completedAt: explicitOrAutomatic === undefined ? task.completedAt : completedAt(status, now),
    version: task.version + 1,
  };
  return { task: changed, changedFields, automatic };
}

/** The refusal of a slot that the task has for `remainingMs` more; `holder` is the task's row, where it stands. */
export function limitRefusal(taskId: string, holder: OrderTaskRecord | undefined, remainingMs: number): Error {
  return fail(orderTaskErrors.ORDER_LIMIT_24H, {
    metadata: { ...(holder === undefined ? { task_id: taskId } : named(holder)), remaining_ms: String(remainingMs) },
    // Whole seconds, up (5, defect 15): a client that waits so long is not refused again.
    retryAfterMs: Math.ceil(remainingMs / 1000) * 1000,
  });
}

/** `task_id` and `task_number` of a refusal: legacy surfaces answer with them. */
function named(task: Pick<OrderTaskRecord, "taskId" | "number">): Record<string, string> {
  return { task_id: task.taskId, task_number: String(task.number) };
}

function isFinal(status: OrderTaskStatus): boolean {
  return status === OrderTaskStatus.COMPLETED || status === OrderTaskStatus.FAILED;
}

function completedAt(status: OrderTaskStatus, now: number): number | undefined {
  return status === OrderTaskStatus.COMPLETED ? now : undefined;
}

/** Order number, trade number and receiver name, none of them blank; the merged row counts only where so set. */
function completesItself(task: OrderTaskRecord, details: TaskDetails, settings: OrderTaskSettings): boolean {
  if (task.status !== OrderTaskStatus.IN_PROGRESS) return false;
  const merged = settings.autoCompleteMerged === true;
  return (["shopOrderId", "alipayTradeNo", "receiverName"] as const).every(
    (name) => ((details[name] ?? (merged ? task[name] : undefined))?.trim() ?? "") !== "",
  );
}
