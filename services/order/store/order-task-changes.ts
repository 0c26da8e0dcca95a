import { randomUUID } from "node:crypto";
import { OrderTaskStatus } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { Outcome } from "@ordermesh/runtime/store/group-commit.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import {
  applyUpdate,
  limitRefusal,
  limitRemainingMs,
  type OrderTaskRecord,
  type OrderTaskSettings,
  type TaskChange,
  type TaskUpdate,
} from "../domain/order-task.ts";
import { orderTaskErrors } from "../domain/order-task-errors.ts";
import { changeEvents, createdEvent } from "../domain/order-task-events.ts";
import { shopKey, userKey } from "../domain/order-task-key.ts";
import { moveSlots, type Slot, slotText, takeSlots } from "./order-slots.ts";
import { findTasks, insertHistory, insertTasks, lockTasks, updateTasks } from "./order-task-store.ts";

/** A task that is asked for; its number was taken before the transaction. */
export interface NewTask
  extends Pick<OrderTaskRecord, "number" | "userName" | "shopName" | "productUrl" | "productPrice" | "productSku"> {
  /** A principal's id. */
  readonly actor: string;
}

/**
 * Creates tasks, each with its slot of user and shop, history and event, in the caller's transaction and by the
 * database clock (contracts/ordertracker.md 3.3). Of several that want one slot the first gets it. Outcomes in the order of the
 * tasks; a refusal is ALREADY_EXISTS (ORDER_LIMIT_24H) naming the task that has the slot.
 */
export async function createTasks(
  uow: UnitOfWork,
  tasks: readonly NewTask[],
  settings: OrderTaskSettings,
): Promise<readonly Outcome<OrderTaskRecord>[]> {
  const wishes = tasks.map((task) => {
    const key = { userKey: userKey(task.userName), shopKey: shopKey(task.shopName) };
    return { task, slot: { ...key, taskId: randomUUID() } };
  });
  const firsts = new Map<string, Omit<Slot, "at">>();
  for (const { slot } of wishes) if (!firsts.has(slotText(slot))) firsts.set(slotText(slot), slot);
  const slots = new Map(await takeSlots(uow, [...firsts.values()]));
  const own = new Set<string>(wishes.map(({ slot }) => slot.taskId));
  const others = [...slots.values()].map(({ taskId }) => taskId).filter((taskId) => !own.has(taskId));
  const holders = new Map(await findTasks(uow, others));
  // Read only now: the wait for the slots may have been long.
  const now = await uow.now();

  const moved: Slot[] = [];
  const made: { readonly task: OrderTaskRecord; readonly actor: string }[] = [];
  const outcomes = wishes.map(({ task: { actor, ...wish }, slot: { taskId, ...key } }): Outcome<OrderTaskRecord> => {
    let slot = slots.get(slotText(key));
    if (slot === undefined) return { error: fail("CONFLICT") };
    if (slot.taskId !== taskId) {
      const remainingMs = limitRemainingMs(slot.at, now);
      const holder = holders.get(slot.taskId);
      const released = settings.limitIgnoresFailed === true && holder?.status === OrderTaskStatus.FAILED;
      if (remainingMs > 0 && !released) return { error: limitRefusal(slot.taskId, holder, remainingMs) };
      slot = { ...key, taskId, at: now };
      slots.set(slotText(key), slot);
      moved.push(slot);
    }
    const { at } = slot;
    const status = OrderTaskStatus.IN_PROGRESS;
    const task = { ...wish, taskId, status, createdAt: at, updatedAt: at, completedAt: undefined, version: 1 };
    holders.set(taskId, task);
    made.push({ task, actor });
    return { value: task };
  });

  await moveSlots(uow, moved);
  await insertTasks(
    uow,
    made.map(({ task }) => task),
  );
  await insertHistory(
    uow,
    made.map(({ task, actor }) => ({ change: { task, changedFields: [], automatic: false }, fromStatus: 0, actor })),
  );
  for (const { task } of made) uow.emit(createdEvent(task));
  return outcomes;
}

/** An update that is asked for. */
export interface TaskCommand {
  readonly taskId: string;
  readonly update: TaskUpdate;
  /** A principal's id. */
  readonly actor: string;
  /** Refuses the update by a throw, going by how the task stands before it. */
  check(task: OrderTaskRecord): void;
}

/**
 * Updates tasks, each with its history and events, in the caller's transaction; of one task in the order given.
 * Outcomes in the order of the updates; a refusal is TASK_NOT_FOUND, what `applyUpdate` throws or what `check` does.
 */
export async function changeTasks(
  uow: UnitOfWork,
  commands: readonly TaskCommand[],
  settings: OrderTaskSettings,
): Promise<readonly Outcome<TaskChange>[]> {
  const tasks = new Map(
    await lockTasks(
      uow,
      commands.map(({ taskId }) => taskId),
    ),
  );
  const now = await uow.now();
  const changed = new Map<string, OrderTaskRecord>();
  const history: { readonly change: TaskChange; readonly fromStatus: number; readonly actor: string }[] = [];
  const outcomes = commands.map(({ taskId, update, actor, check }): Outcome<TaskChange> => {
    const task = tasks.get(taskId);
    if (task === undefined) return { error: fail(orderTaskErrors.TASK_NOT_FOUND) };
    try {
      check(task);
      const change = applyUpdate(task, update, now, settings);
      if (change.changedFields.length === 0) return { value: change };
      tasks.set(taskId, change.task);
      changed.set(taskId, change.task);
      history.push({ change, fromStatus: task.status, actor });
      return { value: change };
    } catch (error) {
      return { error };
    }
  });
  await updateTasks(uow, [...changed.values()]);
  await insertHistory(uow, history);
  for (const { change, fromStatus } of history) uow.emit(...changeEvents(change, fromStatus));
  return outcomes;
}
