import { ConnectError } from "@connectrpc/connect";
import { OrderTaskStatus } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { metadataOf, reasonOf } from "@ordermesh/runtime/errors/inspect.ts";
import { integer } from "@ordermesh/runtime/store/column.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds, type TestDatabase } from "../../../test/support/databases.ts";
import { openFresh, openOn } from "../../../test/support/open-database.ts";
import { orderTasks } from "../store/migrations/0001-order-tasks.ts";
import { newTask, operator, orderTaskClient, userNamed } from "./testing/order-task-client.ts";

const { IN_PROGRESS, COMPLETED, FAILED } = OrderTaskStatus;

let serial = 0;
function fresh() {
  serial += 1;
  return { ...newTask, userName: `user-${serial}` };
}

/** What became of calls: `ok`, or the reason of the refusal. */
async function told(calls: readonly Promise<unknown>[]): Promise<(string | undefined)[]> {
  const settled = await Promise.allSettled(calls);
  return settled.map((outcome) =>
    outcome.status === "fulfilled" ? "ok" : reasonOf(ConnectError.from(outcome.reason)),
  );
}

describe.each(databaseKinds)("%s: calls that are committed together", (kind) => {
  let database: Database;
  let testDatabase: TestDatabase;
  let client: Awaited<ReturnType<typeof orderTaskClient>>;
  let dispose: () => Promise<void>;

  beforeAll(async () => {
    ({ database, fresh: testDatabase, dispose } = await openFresh(kind, [orderTasks]));
    client = await orderTaskClient(database);
  });
  afterAll(() => dispose());

  async function created() {
    const { task } = await client.createOrderTask(fresh());
    return task ?? expect.fail("no task");
  }

  async function count(table: string, taskIds: readonly string[]): Promise<number> {
    const marks = taskIds.map(() => "?").join(", ");
    const [row] = await database.read.all(`select count(*) as n from ${table} where task_id in (${marks})`, taskIds);
    return integer(row?.n);
  }

  test("creations of several users are each stored with slot, history and number", async () => {
    const replies = await Promise.all(Array.from({ length: 20 }, () => client.createOrderTask(fresh())));
    const ids = replies.map(({ task }) => task?.taskId ?? "");
    expect(new Set(replies.map(({ task }) => task?.number)).size).toBe(20);
    for (const table of ["order_tasks", "order_limits", "order_task_history"]) expect(await count(table, ids)).toBe(20);
  });

  test("of creations for one user and shop the first gets the slot and the others name it", async () => {
    const request = fresh();
    const other = fresh();
    const calls = [request, other, { ...request, userName: request.userName.toUpperCase() }, request].map((each) =>
      client.createOrderTask(each),
    );
    const [first, second, ...refused] = await Promise.allSettled(calls);
    expect(second).toMatchObject({ status: "fulfilled" });
    const taskId = first?.status === "fulfilled" ? first.value.task?.taskId : undefined;
    expect(taskId).toBeDefined();
    for (const outcome of refused) {
      const error = ConnectError.from(outcome.status === "rejected" ? outcome.reason : undefined);
      expect([reasonOf(error), metadataOf(error).task_id]).toEqual(["ORDER_LIMIT_24H", taskId]);
    }
  });

  test("a slot that is over goes to one of those that want it", async () => {
    const request = fresh();
    const before = await client.createOrderTask(request);
    const { dialect, read } = database;
    const old = dialect.addMs(dialect.now, String(-24 * 3600 * 1000));
    await read.run(`update order_limits set last_at = ${old} where task_id = ?`, [before.task?.taskId ?? ""]);
    const calls = [fresh(), request, request].map((each) => client.createOrderTask(each));
    expect(await told(calls)).toEqual(["ok", "ok", "ORDER_LIMIT_24H"]);
    const after = await calls[1];
    expect(await count("order_limits", [before.task?.taskId ?? ""])).toBe(0);
    expect(await count("order_limits", [after?.task?.taskId ?? ""])).toBe(1);
  });

  test("one that is refused leaves nothing, its neighbours stand", async () => {
    const taken = fresh();
    await client.createOrderTask(taken);
    const good = fresh();
    const foreign = { ...fresh(), userName: "somebody" };
    const calls = [
      client.createOrderTask(taken),
      client.createOrderTask(good),
      client.createOrderTask(foreign, { principal: userNamed("else") }),
    ];
    expect(await told(calls)).toEqual(["ORDER_LIMIT_24H", "ok", "PERMISSION_DENIED"]);
    const [row] = await database.read.all("select count(*) as n from order_tasks where user_name = ?", ["somebody"]);
    expect(integer(row?.n)).toBe(0);
  });

  test("an Idempotency-Key counts for its own call only", async () => {
    const request = fresh();
    const key = (value: string) => ({ header: new Headers({ "idempotency-key": value }), principal: operator });
    const name = `together-${serial}`;
    const first = await client.createOrderTask(request, key(name));
    const calls = [
      client.createOrderTask(request, key(name)),
      client.createOrderTask({ ...request, productSku: "other" }, key(name)),
      client.createOrderTask(fresh(), key(`${name}-new`)),
      client.createOrderTask(request),
    ];
    expect(await told(calls)).toEqual(["ok", "IDEMPOTENCY_KEY_REUSED", "ok", "ORDER_LIMIT_24H"]);
    expect((await calls[0])?.task?.taskId).toBe(first.task?.taskId);
  });

  test("updates of one task take place one after the other, each seeing those before it", async () => {
    const { taskId } = await created();
    const other = await created();
    const calls = [
      client.updateOrderTask({ taskId, shopOrderId: "S1", expectedVersion: 1 }),
      client.updateOrderTask({ taskId, shopOrderId: "S2", expectedVersion: 1 }),
      client.updateOrderTask({ taskId, status: FAILED, expectedVersion: 2 }),
      client.updateOrderTask({ taskId, status: IN_PROGRESS }),
      client.updateOrderTask({ taskId: other.taskId, status: COMPLETED }),
      client.updateOrderTask({ taskId: "nobody", status: COMPLETED }),
    ];
    const reasons = ["ok", "VERSION_MISMATCH", "ok", "TASK_FINAL", "ok", "TASK_NOT_FOUND"];
    expect(await told(calls)).toEqual(reasons);
    const { task } = await client.getOrderTask({ taskId });
    expect(task).toMatchObject({ shopOrderId: "S1", status: FAILED, version: 3 });
    const { changes } = await client.listOrderTaskHistory({ taskId });
    expect(changes.map(({ version, fromStatus, toStatus }) => [version, fromStatus, toStatus])).toEqual([
      [1, 0, IN_PROGRESS],
      [2, IN_PROGRESS, IN_PROGRESS],
      [3, IN_PROGRESS, FAILED],
    ]);
  });

  test("two instances that create and update the same in opposite orders both end, and nothing is done twice", async () => {
    const second = await openOn(testDatabase);
    const clients = [client, await orderTaskClient(second)];
    const requests = Array.from({ length: 30 }, fresh);
    const orders = [requests, requests.toReversed()];
    const creations = await told(
      clients.flatMap((each, index) => (orders[index] ?? []).map((request) => each.createOrderTask(request))),
    );
    expect(creations.filter((outcome) => outcome === "ok")).toHaveLength(30);
    expect(creations.filter((outcome) => outcome === "ORDER_LIMIT_24H")).toHaveLength(30);
    const { tasks } = await client.listOrderTasks({ pageSize: 30 });
    const updates = await told(
      clients.flatMap((each, index) =>
        (index === 0 ? tasks : tasks.toReversed()).map(({ taskId }) =>
          each.updateOrderTask({ taskId, shopOrderId: "S", expectedVersion: 1 }),
        ),
      ),
    );
    expect(updates.filter((outcome) => outcome === "ok")).toHaveLength(30);
    expect(updates.filter((outcome) => outcome === "VERSION_MISMATCH")).toHaveLength(30);
    await second.close();
  });
});
