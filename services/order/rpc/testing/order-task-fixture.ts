import { fromBinary } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { OrderTaskUpdatedSchema } from "@ordermesh/proto/ordermesh/events/v1/order_task_pb";
import { bytes, text } from "@ordermesh/runtime/store/column.ts";
import type { DatabaseKind } from "../../../../test/support/databases.ts";
import { openFresh } from "../../../../test/support/open-database.ts";
import { orderMigrations } from "../../store/migrations/index.ts";
import { newTask, orderTaskClient } from "./order-task-client.ts";

export type TaskClient = Awaited<ReturnType<typeof orderTaskClient>>;

/** The error of work that fails; throws when it does not. */
export async function refusal(work: Promise<unknown>): Promise<ConnectError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ConnectError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

let serial = 0;

/** A task of a user of its own. */
export function freshTask(): typeof newTask {
  serial += 1;
  return { ...newTask, userName: `user-${serial}` };
}

export type OrderTaskFixture = Awaited<ReturnType<typeof openOrderTasks>>;

/** OrderTaskService over a fresh database; the caller disposes of it. */
export async function openOrderTasks(kind: DatabaseKind) {
  const { database, dispose } = await openFresh(kind, orderMigrations);
  const client = await orderTaskClient(database);
  return {
    database,
    client,
    dispose,

    /** Makes a task and its slot look older. */
    async age(taskId: string, ms: number): Promise<void> {
      const { dialect } = database;
      for (const [table, column] of [
        ["order_tasks", "created_at"],
        ["order_limits", "last_at"],
      ]) {
        await database.read.run(
          `update ${table} set ${column} = ${dialect.addMs(dialect.now, String(-ms))} where task_id = ?`,
          [taskId],
        );
      }
    },

    async created(request: Parameters<TaskClient["createOrderTask"]>[0] = freshTask()) {
      const { task } = await client.createOrderTask(request);
      if (task === undefined) throw new Error("no task");
      return task;
    },

    async eventsOf(taskId: string): Promise<string[]> {
      const rows = await database.read.all(`select subject, data from ${database.tables.outbox} order by seq`);
      return rows
        .filter((row) => fromBinary(OrderTaskUpdatedSchema, bytes(row.data)).taskId === taskId)
        .map((row) => text(row.subject));
    },
  };
}
