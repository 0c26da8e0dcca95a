import type { ConnectError } from "@connectrpc/connect";
import { OrderTaskStatus } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { metadataOf, reasonOf } from "@ordermesh/runtime/errors/inspect.ts";
import { describe, expect, test } from "vitest";
import { applyUpdate, limitRemainingMs, type OrderTaskRecord, type TaskUpdate } from "./order-task.ts";

const { IN_PROGRESS, COMPLETED, FAILED } = OrderTaskStatus;
const now = 5000;

function taskIn(status: OrderTaskStatus, more: Partial<OrderTaskRecord> = {}): OrderTaskRecord {
  return {
    taskId: "t",
    number: 12,
    userName: "lin",
    shopName: "shop",
    productUrl: "https://a.example/",
    productPrice: { currency: "CNY", minorUnits: 1n },
    productSku: "s",
    status,
    createdAt: 1000,
    updatedAt: 1000,
    completedAt: status === COMPLETED ? 2000 : undefined,
    version: 3,
    ...more,
  };
}

const enough = { shopOrderId: "o", alipayTradeNo: "a", receiverName: "r" };

function update(more: Partial<TaskUpdate>): TaskUpdate {
  return { details: {}, force: false, ...more };
}

function refusal(work: () => unknown): ConnectError {
  try {
    work();
  } catch (error) {
    return error as ConnectError;
  }
  throw new Error("nothing was refused");
}

describe("contract 3.1: the 24 hour window", () => {
  test("24 h - 1 s is too young by one second", () => {
    expect(limitRemainingMs(0, 86_399_000)).toBe(1000);
  });
  test("exactly 24 h is free", () => {
    expect(limitRemainingMs(0, 86_400_000)).toBe(0);
  });
  test("a clock that stepped back never frees a slot", () => {
    expect(limitRemainingMs(10_000, 0)).toBeGreaterThan(86_400_000);
  });
});

describe("contract 3.4: explicit status", () => {
  test.each([
    [IN_PROGRESS, IN_PROGRESS, undefined],
    [IN_PROGRESS, COMPLETED, now],
    [IN_PROGRESS, FAILED, undefined],
  ])("from %i to %i", (from, to, completedAt) => {
    const { task, changedFields } = applyUpdate(taskIn(from), update({ status: to }), now);
    expect(task).toMatchObject({ status: to, version: 4, updatedAt: now });
    expect(task.completedAt).toBe(completedAt);
    expect(changedFields).toEqual(["status"]);
  });

  test.each([
    [COMPLETED, IN_PROGRESS],
    [COMPLETED, FAILED],
    [FAILED, IN_PROGRESS],
    [FAILED, COMPLETED],
  ])("from final %i to %i is refused without force", (from, to) => {
    const error = refusal(() => applyUpdate(taskIn(from), update({ status: to }), now));
    expect(reasonOf(error)).toBe("TASK_FINAL");
    expect(metadataOf(error)).toMatchObject({ task_id: "t", task_number: "12", httpStatus: "409" });
  });

  test.each([
    [COMPLETED, IN_PROGRESS, undefined],
    [COMPLETED, COMPLETED, now],
    [COMPLETED, FAILED, undefined],
    [FAILED, IN_PROGRESS, undefined],
    [FAILED, COMPLETED, now],
    [FAILED, FAILED, undefined],
  ])("from final %i to %i with force; leaving 2 clears completed_at", (from, to, completedAt) => {
    const { task } = applyUpdate(taskIn(from), update({ status: to, force: true }), now);
    expect(task.status).toBe(to);
    expect(task.completedAt).toBe(completedAt);
  });

  test.each([COMPLETED, FAILED])("7.9: the status %i that a final task has changes nothing", (status) => {
    const task = taskIn(status);
    expect(applyUpdate(task, update({ status, details: { receiverName: "x" } }), now)).toEqual({
      task,
      changedFields: [],
      automatic: false,
    });
  });

  test("wins over the automatic rule", () => {
    const { task, automatic } = applyUpdate(taskIn(IN_PROGRESS), update({ status: FAILED, details: enough }), now);
    expect([task.status, automatic]).toEqual([FAILED, false]);
  });
});

describe("contract 3.4: the automatic rule", () => {
  test("order number, trade number and receiver name in one request complete a task; four fields written (1.3)", () => {
    const { task, changedFields, automatic } = applyUpdate(taskIn(IN_PROGRESS), update({ details: enough }), now);
    expect(task).toMatchObject({ ...enough, status: COMPLETED, completedAt: now });
    expect(changedFields).toEqual(["shop_order_id", "alipay_trade_no", "receiver_name", "status"]);
    expect(automatic).toBe(true);
  });

  test.each([["shopOrderId"], ["alipayTradeNo"], ["receiverName"]])("not without %s", (missing) => {
    const details = { ...enough, [missing]: undefined };
    expect(applyUpdate(taskIn(IN_PROGRESS), update({ details }), now).task.status).toBe(IN_PROGRESS);
  });

  test.each([[""], ["  "], ["　"]])("a blank %j is stored and does not count", (blank) => {
    const details = { ...enough, receiverName: blank };
    const { task, changedFields } = applyUpdate(taskIn(IN_PROGRESS), update({ details }), now);
    expect(task).toMatchObject({ status: IN_PROGRESS, receiverName: blank });
    expect(changedFields).toHaveLength(3);
  });

  test("address and phone do not count", () => {
    const details = { ...enough, receiverName: undefined, receiverAddress: "a", receiverPhone: "1" };
    expect(applyUpdate(taskIn(IN_PROGRESS), update({ details }), now).task.status).toBe(IN_PROGRESS);
  });

  const stored = taskIn(IN_PROGRESS, { shopOrderId: "o", alipayTradeNo: "a" });
  const rest = update({ details: { receiverName: "r" } });

  test("stored values do not count", () => {
    expect(applyUpdate(stored, rest, now).task.status).toBe(IN_PROGRESS);
  });

  test("stored values count with AUTO_COMPLETE_MERGED", () => {
    expect(applyUpdate(stored, rest, now, { autoCompleteMerged: true }).task.status).toBe(COMPLETED);
  });

  test("a blank hides the stored value with AUTO_COMPLETE_MERGED", () => {
    const details = { receiverName: "r", shopOrderId: "" };
    expect(applyUpdate(stored, update({ details }), now, { autoCompleteMerged: true }).task.status).toBe(IN_PROGRESS);
  });

  test("never fires on a failed task, force or not", () => {
    expect(applyUpdate(taskIn(FAILED), update({ details: enough, force: true }), now).task.status).toBe(FAILED);
  });

  test("leaves the time of a completed task alone", () => {
    expect(applyUpdate(taskIn(COMPLETED), update({ details: enough }), now).task.completedAt).toBe(2000);
  });

  test("error_message alone never fails a task", () => {
    const { task } = applyUpdate(taskIn(IN_PROGRESS), update({ details: { errorMessage: "no" } }), now);
    expect(task).toMatchObject({ status: IN_PROGRESS, errorMessage: "no" });
  });
});

describe("contract 1.3: fields", () => {
  test("what is absent is left alone, and no field at all is a success", () => {
    const task = taskIn(IN_PROGRESS, enough);
    expect(applyUpdate(task, update({}), now)).toEqual({ task, changedFields: [], automatic: false });
  });

  test("5, defect 6: another version than expected is refused", () => {
    const error = refusal(() => applyUpdate(taskIn(IN_PROGRESS), update({ expectedVersion: 2 }), now));
    expect(reasonOf(error)).toBe("VERSION_MISMATCH");
    expect(metadataOf(error).version).toBe("3");
  });
});
