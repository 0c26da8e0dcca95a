import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  CreateOrderTaskResponseSchema,
  OrderTaskService,
  OrderTaskStatus,
  UpdateOrderTaskResponseSchema,
} from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { actsForEveryone, requireOwner } from "@ordermesh/runtime/auth/ownership.ts";
import type { Principal } from "@ordermesh/runtime/auth/principal.ts";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { CallContext } from "@ordermesh/runtime/rpc/call-context.ts";
import { bindService, type ServiceBinding } from "@ordermesh/runtime/rpc/service.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import type { GroupLimits } from "@ordermesh/runtime/store/group-commit.ts";
import { allocator } from "@ordermesh/runtime/store/sequence.ts";
import type { OrderTaskRecord, OrderTaskSettings } from "../domain/order-task.ts";
import { orderTaskErrors } from "../domain/order-task-errors.ts";
import { orderTaskReads } from "../store/order-reads.ts";
import { changeTasks, createTasks, type NewTask, type TaskCommand } from "../store/order-task-changes.ts";
import { countByStatus, listHistory, listTasks, type TaskFilter } from "../store/order-task-store.ts";
import { nextPageToken, readPageToken } from "../store/page-token.ts";
import { commandBatch } from "./command-batch.ts";
import { checkNewTask, notBeforeMs, readUpdate, refuseNul } from "./order-task-input.ts";
import { taskMessage } from "./order-task-message.ts";

/** Task numbers that a process takes at once. */
const numberBlock = 500;
const defaultPageSize = 20;

export interface OrderTaskDeps {
  readonly database: Database;
  readonly settings?: OrderTaskSettings;
  /** Of creations and changes. */
  readonly limits?: GroupLimits;
}

/** OrderTaskService by contracts/ordertracker.md, in its strict form. */
export function orderTaskService({ database, settings = {}, limits }: OrderTaskDeps): ServiceBinding {
  const numbers = allocator(database, "order_task", numberBlock);
  const { read } = database;
  const tasksById = orderTaskReads(database);
  const create = commandBatch({
    database,
    limits,
    schema: CreateOrderTaskResponseSchema,
    run: (uow, tasks: readonly NewTask[]) => createTasks(uow, tasks, settings),
    answer: (task, principal) => ({ task: taskMessage(task, principal) }),
  });
  const update = commandBatch({
    database,
    limits,
    schema: UpdateOrderTaskResponseSchema,
    run: (uow, commands: readonly TaskCommand[]) => changeTasks(uow, commands, settings),
    answer: ({ task, changedFields }, principal) => ({
      task: taskMessage(task, principal),
      updatedFields: changedFields.length,
    }),
  });

  async function ownTask(taskId: string, context: CallContext): Promise<OrderTaskRecord> {
    const task = await tasksById.load(taskId, context);
    if (task === undefined) throw fail(orderTaskErrors.TASK_NOT_FOUND);
    requireOwner(context.principal, task.userName);
    return task;
  }

  return bindService(OrderTaskService, {
    async createOrderTask(request, context) {
      const { principal } = context;
      requireOwner(principal, request.userName);
      checkNewTask(request);
      const { userName, shopName, productUrl, productSku } = request;
      const productPrice = {
        currency: request.productPrice?.currency ?? "",
        minorUnits: request.productPrice?.minorUnits ?? 0n,
      };
      const [number = 0] = await numbers.take(1);
      const task = { number, userName, shopName, productUrl, productPrice, productSku, actor: principal.id };
      return await create(task, context);
    },

    async updateOrderTask(request, context) {
      const { principal } = context;
      const check = (task: OrderTaskRecord) => requireOwner(principal, task.userName);
      const command = { taskId: request.taskId, update: readUpdate(request), actor: principal.id, check };
      return await update(command, context);
    },

    async getOrderTask({ taskId }, context) {
      return { task: taskMessage(await ownTask(taskId, context), context.principal) };
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

    async listOrderTaskHistory({ taskId }, context) {
      await ownTask(taskId, context);
      const lines = await listHistory(read, taskId);
      return { changes: lines.map(({ changedAt, ...line }) => ({ ...line, changedAt: timestampFromMs(changedAt) })) };
    },
  });
}

/** Users see what is theirs to the letter; those who act for everyone find a user by the equality rule (3.2). */
function ownTasks(userName: string, principal: Principal): TaskFilter {
  if (userName === "") return {};
  return actsForEveryone(principal) ? { userName } : { userName, owner: userName };
}
