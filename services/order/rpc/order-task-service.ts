import { randomUUID } from "node:crypto";
import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type CreateOrderTaskRequest,
  CreateOrderTaskResponseSchema,
  OrderTaskService,
  OrderTaskStatus,
  UpdateOrderTaskResponseSchema,
} from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { actsForEveryone, requireOwner } from "@ordermesh/runtime/auth/ownership.ts";
import type { Principal } from "@ordermesh/runtime/auth/principal.ts";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { CallContext } from "@ordermesh/runtime/rpc/call-context.ts";
import { idempotentReplayedHeader } from "@ordermesh/runtime/rpc/interceptors/idempotency.ts";
import { bindService, type ServiceBinding } from "@ordermesh/runtime/rpc/service.ts";
import type { Database, TransactOptions } from "@ordermesh/runtime/store/database.ts";
import { allocator } from "@ordermesh/runtime/store/sequence.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import {
  applyUpdate,
  limitRemainingMs,
  named,
  type OrderTaskRecord,
  type OrderTaskSettings,
} from "../domain/order-task.ts";
import { orderTaskErrors } from "../domain/order-task-errors.ts";
import {
  countByStatus,
  findTask,
  insertTask,
  listHistory,
  listTasks,
  lockTask,
  moveSlot,
  storeChange,
  type TaskFilter,
  takeSlot,
} from "../store/order-task-store.ts";
import { nextPageToken, readPageToken } from "../store/page-token.ts";
import { changeEvents, createdEvent } from "./order-task-events.ts";
import { checkNewTask, notBeforeMs, readUpdate, refuseNul } from "./order-task-input.ts";
import { taskMessage } from "./order-task-message.ts";

/** Task numbers that a process takes at once. */
const numberBlock = 50;
const defaultPageSize = 20;

export interface OrderTaskDeps {
  readonly database: Database;
  readonly settings?: OrderTaskSettings;
}

/** OrderTaskService by contracts/ordertracker.md, in its strict form. */
export function orderTaskService({ database, settings = {} }: OrderTaskDeps): ServiceBinding {
  const numbers = allocator(database, "order_task", numberBlock);
  const { read } = database;

  async function ownTask(taskId: string, principal: Principal): Promise<OrderTaskRecord> {
    const task = await findTask(read, taskId);
    if (task === undefined) throw fail(orderTaskErrors.TASK_NOT_FOUND);
    requireOwner(principal, task.userName);
    return task;
  }

  return bindService(OrderTaskService, {
    async createOrderTask(request, context) {
      requireOwner(context.principal, request.userName);
      checkNewTask(request);
      const [number = 0] = await numbers.take(1);
      return await database.transact(
        async (uow) => {
          const task = await createTask(uow, request, number, settings);
          await insertTask(uow, task, context.principal.id);
          uow.emit(createdEvent(task));
          return create(CreateOrderTaskResponseSchema, { task: taskMessage(task, context.principal) });
        },
        transactOptions(context, CreateOrderTaskResponseSchema),
      );
    },

    async updateOrderTask(request, context) {
      const update = readUpdate(request);
      return await database.transact(
        async (uow) => {
          const stored = await lockTask(uow, request.taskId);
          if (stored === undefined) throw fail(orderTaskErrors.TASK_NOT_FOUND);
          requireOwner(context.principal, stored.userName);
          const change = applyUpdate(stored, update, await uow.now(), settings);
          if (change.changedFields.length > 0) {
            await storeChange(uow, change, stored.status, context.principal.id);
            uow.emit(...changeEvents(change, stored.status));
          }
          return create(UpdateOrderTaskResponseSchema, {
            task: taskMessage(change.task, context.principal),
            updatedFields: change.changedFields.length,
          });
        },
        transactOptions(context, UpdateOrderTaskResponseSchema),
      );
    },

    async getOrderTask({ taskId }, { principal }) {
      return { task: taskMessage(await ownTask(taskId, principal), principal) };
    },

    async getCurrentOrderTask({ userName }, { principal }) {
      requireOwner(principal, userName);
      refuseNul({ user_name: userName });
      const filter = { ...ownTasks(userName, principal), status: OrderTaskStatus.IN_PROGRESS };
      const [task] = await listTasks(read, filter, 1);
      if (task === undefined) {
        throw fail(orderTaskErrors.TASK_NOT_FOUND, { message: "this user has no task in progress" });
      }
      return { task: taskMessage(task, principal) };
    },

    async listOrderTasks(request, { principal }) {
      const { shopName, status, pageSize, pageToken } = request;
      refuseNul({ user_name: request.userName, shop_name: shopName });
      const userName = request.userName === "" && !actsForEveryone(principal) ? principal.id : request.userName;
      if (userName !== "") requireOwner(principal, userName);
      const filter: TaskFilter = {
        ...ownTasks(userName, principal),
        shopName: shopName === "" ? undefined : shopName,
        status: status === OrderTaskStatus.UNSPECIFIED ? undefined : status,
        createdFrom: notBeforeMs(request.createdAfter),
        createdBefore: notBeforeMs(request.createdBefore),
      };
      const filters = [filter.userName, filter.owner, shopName, status, filter.createdFrom, filter.createdBefore];
      const limit = pageSize === 0 ? defaultPageSize : pageSize;
      const tasks = await listTasks(read, filter, limit + 1, readPageToken(pageToken, filters));
      const page = tasks.slice(0, limit);
      const last = page.at(-1);
      return {
        tasks: page.map((task) => taskMessage(task, principal)),
        nextPageToken:
          last === undefined || tasks.length <= limit
            ? ""
            : nextPageToken({ createdAt: last.createdAt, id: last.taskId }, filters),
      };
    },

    async getOrderTaskStats({ createdAfter, createdBefore }) {
      const counts = await countByStatus(read, {
        createdFrom: notBeforeMs(createdAfter),
        createdBefore: notBeforeMs(createdBefore),
      });
      const count = (status: OrderTaskStatus) => BigInt(counts.get(status) ?? 0);
      const inProgressCount = count(OrderTaskStatus.IN_PROGRESS);
      const completedCount = count(OrderTaskStatus.COMPLETED);
      const failedCount = count(OrderTaskStatus.FAILED);
      const totalCount = inProgressCount + completedCount + failedCount;
      return { inProgressCount, completedCount, failedCount, totalCount };
    },

    async listOrderTaskHistory({ taskId }, { principal }) {
      await ownTask(taskId, principal);
      const lines = await listHistory(read, taskId);
      return { changes: lines.map(({ changedAt, ...line }) => ({ ...line, changedAt: timestampFromMs(changedAt) })) };
    },
  });
}

/**
 * Takes the slot of user and shop for a new task by the database clock (3.3). Throws ALREADY_EXISTS (ORDER_LIMIT_24H)
 * naming the task that has it.
 */
async function createTask(
  uow: UnitOfWork,
  request: CreateOrderTaskRequest,
  number: number,
  settings: OrderTaskSettings,
): Promise<OrderTaskRecord> {
  const { userName, shopName, productUrl, productSku, productPrice } = request;
  const taskId = randomUUID();
  const slot = await takeSlot(uow, request, taskId);
  if (slot === undefined) throw fail("CONFLICT");
  // Read only now: the wait for the slot may have been long.
  const now = slot.taken ? slot.at : await uow.now();
  const task: OrderTaskRecord = {
    taskId,
    number,
    userName,
    shopName,
    productUrl,
    productPrice: { currency: productPrice?.currency ?? "", minorUnits: productPrice?.minorUnits ?? 0n },
    productSku,
    status: OrderTaskStatus.IN_PROGRESS,
    createdAt: now,
    updatedAt: now,
    completedAt: undefined,
    version: 1,
  };
  if (!slot.taken) {
    const remainingMs = limitRemainingMs(slot.at, now);
    if (remainingMs > 0) {
      const holder = await findTask(uow, slot.taskId);
      const released = settings.limitIgnoresFailed === true && holder?.status === OrderTaskStatus.FAILED;
      if (!released) throw limitRefusal(slot.taskId, holder, remainingMs);
    }
    await moveSlot(uow, task);
  }
  return task;
}

function limitRefusal(taskId: string, holder: OrderTaskRecord | undefined, remainingMs: number): Error {
  return fail(orderTaskErrors.ORDER_LIMIT_24H, {
    metadata: { ...(holder === undefined ? { task_id: taskId } : named(holder)), remaining_ms: String(remainingMs) },
    // Whole seconds, up (5, defect 15): a client that waits so long is not refused again.
    retryAfterMs: Math.ceil(remainingMs / 1000) * 1000,
  });
}

/** Users see what is theirs to the letter; those who act for everyone find a user by the equality rule (3.2). */
function ownTasks(userName: string, principal: Principal): TaskFilter {
  if (userName === "") return {};
  return actsForEveryone(principal) ? { userName } : { userName, owner: userName };
}

function transactOptions<S extends DescMessage>(context: CallContext, schema: S): TransactOptions<MessageShape<S>> {
  return {
    signal: context.signal,
    idempotency: {
      claim: context.idempotency,
      encode: (response) => toBinary(schema, response),
      decode: (stored) => fromBinary(schema, stored),
      replayed: () => context.responseHeader.set(idempotentReplayedHeader, "true"),
    },
  };
}
