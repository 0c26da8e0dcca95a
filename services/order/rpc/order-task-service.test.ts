import { fromBinary } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { OrderTaskCreatedSchema, OrderTaskUpdatedSchema } from "@ordermesh/proto/ordermesh/events/v1/order_task_pb";
import { OrderTaskService, OrderTaskStatus } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { metadataOf, reasonOf, retryAfterMsOf, violationsOf } from "@ordermesh/runtime/errors/inspect.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { registryOf } from "@ordermesh/runtime/rpc/testing/echo.ts";
import { bytes, text } from "@ordermesh/runtime/store/column.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { startRetention } from "@ordermesh/runtime/store/retention.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { openForTest, openFresh, quietLog } from "../../../test/support/open-database.ts";
import { orderTasks } from "../store/migrations/0001-order-tasks.ts";
import { orderTaskRetention } from "../store/order-task-store.ts";
import { orderTaskService } from "./order-task-service.ts";
import { newTask, operator, orderTaskClient, userNamed } from "./testing/order-task-client.ts";

type TaskClient = Awaited<ReturnType<typeof orderTaskClient>>;

async function refusal(work: Promise<unknown>): Promise<ConnectError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ConnectError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

let serial = 0;
/** A pair of its own for each test. */
function fresh() {
  serial += 1;
  return { ...newTask, userName: `user-${serial}` };
}

describe.each(databaseKinds)("%s", (kind) => {
  let database: Database;
  let client: TaskClient;
  let dispose: () => Promise<void>;

  beforeAll(async () => {
    ({ database, dispose } = await openFresh(kind, [orderTasks]));
    client = await orderTaskClient(database);
  });
  afterAll(() => dispose());

  /** Makes a task and its slot look older. */
  async function age(taskId: string, ms: number): Promise<void> {
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
  }

  async function created(request: Parameters<TaskClient["createOrderTask"]>[0] = fresh()) {
    const { task } = await client.createOrderTask(request);
    if (task === undefined) throw new Error("no task");
    return task;
  }

  async function eventsOf(taskId: string): Promise<string[]> {
    const rows = await database.read.all(`select subject, data from ${database.tables.outbox} order by seq`);
    return rows
      .filter((row) => fromBinary(OrderTaskUpdatedSchema, bytes(row.data)).taskId === taskId)
      .map((row) => text(row.subject));
  }

  test("1.2: a create gives the task as stored", async () => {
    const request = fresh();
    const task = await created(request);
    expect(task).toMatchObject({ ...request, status: OrderTaskStatus.IN_PROGRESS, version: 1 });
    expect(task.number).toBeGreaterThan(0n);
    expect(task.taskId).toMatch(/^[0-9a-f-]{36}$/);
    expect((await client.getOrderTask({ taskId: task.taskId })).task).toEqual(task);
  });

  test("1.7, 3.1: a second create is refused with 409, naming the task and the wait", async () => {
    const request = fresh();
    const task = await created(request);
    await age(task.taskId, 1500);
    const error = await refusal(client.createOrderTask(request));
    expect([error.code, reasonOf(error)]).toEqual([Code.AlreadyExists, "ORDER_LIMIT_24H"]);
    expect(metadataOf(error)).toMatchObject({ task_id: task.taskId, task_number: String(task.number) });
    const remaining = Number(metadataOf(error).remaining_ms);
    expect(remaining).toBeGreaterThan(86_390_000);
    expect(remaining).toBeLessThanOrEqual(86_398_500);
    expect(retryAfterMsOf(error)).toBe(Math.ceil(remaining / 1000) * 1000);
  });

  test("3.1: 24 h - 1 s is refused", async () => {
    const request = fresh();
    await age((await created(request)).taskId, 86_399_000);
    expect(reasonOf(await refusal(client.createOrderTask(request)))).toBe("ORDER_LIMIT_24H");
  });

  test("3.1: 24 h is allowed, and the new task holds the slot", async () => {
    const request = fresh();
    await age((await created(request)).taskId, 86_400_000);
    const second = await created(request);
    expect(metadataOf(await refusal(client.createOrderTask(request))).task_id).toBe(second.taskId);
  });

  test("3.3: a database clock that stepped back does not free the slot", async () => {
    const request = fresh();
    await age((await created(request)).taskId, -3_600_000);
    expect(Number(metadataOf(await refusal(client.createOrderTask(request))).remaining_ms)).toBeGreaterThan(86_400_000);
  });

  test("3.1: other shops and other users are free", async () => {
    const request = fresh();
    await created(request);
    await created({ ...request, shopName: "other" });
    await created(fresh());
  });

  test("3.1: a failed task blocks too", async () => {
    const request = fresh();
    const { taskId } = await created(request);
    await client.updateOrderTask({ taskId, status: OrderTaskStatus.FAILED });
    expect(reasonOf(await refusal(client.createOrderTask(request)))).toBe("ORDER_LIMIT_24H");
  });

  test("3.1: with LIMIT_IGNORES_FAILED a failed task releases its slot", async () => {
    const lenient = await orderTaskClient(database, { limitIgnoresFailed: true });
    const request = fresh();
    const { taskId } = await created(request);
    expect(reasonOf(await refusal(lenient.createOrderTask(request)))).toBe("ORDER_LIMIT_24H");
    await client.updateOrderTask({ taskId, status: OrderTaskStatus.FAILED });
    expect((await lenient.createOrderTask(request)).task?.taskId).not.toBe(taskId);
  });

  test("3.2: names equal by the rule share a slot, and each keeps its spelling", async () => {
    const request = fresh();
    const task = await created({ ...request, userName: `  ${request.userName.toUpperCase()}` });
    expect(metadataOf(await refusal(client.createOrderTask(request))).task_id).toBe(task.taskId);
    expect(task.userName).toBe(`  ${request.userName.toUpperCase()}`);
  });

  test("3.2: the longest names after NFKC are stored", async () => {
    const request = { ...fresh(), userName: "ﷺ".repeat(100), shopName: "ﷺ".repeat(200) };
    await created(request);
    expect(reasonOf(await refusal(client.createOrderTask(request)))).toBe("ORDER_LIMIT_24H");
  });

  test.each([
    ["a relative URL", "product_url", { productUrl: "/item/7" }],
    ["a URL of another scheme", "product_url", { productUrl: "ftp://a.example/" }],
    ["a URL of 24997 characters", "product_url", { productUrl: `https://a.example/${"x".repeat(24_979)}` }],
    ["a NUL", "shop_name", { shopName: "a\0b" }],
    ["an empty name", "user_name", { userName: "" }],
    ["a price of nothing", "product_price", { productPrice: { currency: "CNY", minorUnits: 0n } }],
    ["a price beyond the range", "product_price", { productPrice: { currency: "CNY", minorUnits: 10_000_000_000n } }],
  ])("5, defect 7: %s is refused", async (_what, field, part) => {
    const error = await refusal(client.createOrderTask({ ...fresh(), ...part }));
    expect(reasonOf(error)).toBe("VALIDATION");
    expect(violationsOf(error)[0]?.field).toBe(field);
  });

  test("7.4: a URL of 2083 escaped characters and the highest price are stored", async () => {
    const productUrl = `https://a.example/${"%F0%9F%9B%92".repeat(2065)}`;
    const task = await created({
      ...fresh(),
      productUrl,
      productPrice: { currency: "CNY", minorUnits: 9_999_999_999n },
    });
    expect((await client.getOrderTask({ taskId: task.taskId })).task).toEqual(task);
  });

  test("3.4: the automatic rule completes, in one transaction with history and events", async () => {
    const { taskId } = await created();
    const details = { shopOrderId: "2025080100017", alipayTradeNo: "2025080122001400001", receiverName: "Zhou Min" };
    const reply = await client.updateOrderTask({ taskId, ...details });
    expect(reply.updatedFields).toBe(4);
    expect(reply.task).toMatchObject({ ...details, status: OrderTaskStatus.COMPLETED, version: 2 });
    expect(reply.task?.completedAt).toEqual(reply.task?.updatedAt);
    expect((await client.getOrderTask({ taskId })).task).toEqual(reply.task);
    const { changes } = await client.listOrderTaskHistory({ taskId });
    expect(changes).toMatchObject([
      { version: 1, fromStatus: 0, toStatus: 1, changedFields: [], automatic: false, actor: "op" },
      {
        version: 2,
        fromStatus: 1,
        toStatus: 2,
        changedFields: ["shop_order_id", "alipay_trade_no", "receiver_name", "status"],
        automatic: true,
        actor: "op",
      },
    ]);
    expect(await eventsOf(taskId)).toEqual([
      "ordermesh.order.task.created.v1",
      "ordermesh.order.task.updated.v1",
      "ordermesh.order.task.completed.v1",
    ]);
  });

  test("3.4: leaving 2 by force clears completed_at in the store", async () => {
    const { taskId } = await created();
    await client.updateOrderTask({ taskId, status: OrderTaskStatus.COMPLETED });
    const status = OrderTaskStatus.IN_PROGRESS;
    expect(reasonOf(await refusal(client.updateOrderTask({ taskId, status })))).toBe("TASK_FINAL");
    await client.updateOrderTask({ taskId, status, force: true });
    expect((await client.getOrderTask({ taskId })).task?.completedAt).toBeUndefined();
  });

  test("6: a failure leaves its event", async () => {
    const { taskId } = await created();
    await client.updateOrderTask({ taskId, status: OrderTaskStatus.FAILED, errorMessage: "sold out" });
    expect((await eventsOf(taskId)).at(-1)).toBe("ordermesh.order.task.failed.v1");
  });

  test("1.3: an update without fields is a success that leaves no trace", async () => {
    const { taskId } = await created();
    expect((await client.updateOrderTask({ taskId })).updatedFields).toBe(0);
    expect((await client.listOrderTaskHistory({ taskId })).changes).toHaveLength(1);
    expect(await eventsOf(taskId)).toHaveLength(1);
  });

  test("5, defect 6: of parallel updates with one expected version one is made", async () => {
    const { taskId } = await created();
    const updates = await Promise.allSettled(
      [1, 2, 3, 4, 5].map((n) => client.updateOrderTask({ taskId, errorMessage: String(n), expectedVersion: 1 })),
    );
    const refused = updates.flatMap((one) => (one.status === "rejected" ? [reasonOf(one.reason)] : []));
    expect(refused).toEqual(Array(4).fill("VERSION_MISMATCH"));
  });

  test.each([["no-such-task"], ["x".repeat(255)], ["a\0b"]])(
    "1.3: the unknown id %j is TASK_NOT_FOUND",
    async (taskId) => {
      for (const call of [client.updateOrderTask, client.getOrderTask, client.listOrderTaskHistory]) {
        expect(reasonOf(await refusal(call({ taskId })))).toBe("TASK_NOT_FOUND");
      }
    },
  );

  test("1.4: the current task is the newest in progress", async () => {
    const request = fresh();
    const { userName } = request;
    const old = await created(request);
    const newer = await created({ ...request, shopName: "b" });
    await age(old.taskId, 5000);
    expect((await client.getCurrentOrderTask({ userName })).task?.taskId).toBe(newer.taskId);
    await client.updateOrderTask({ taskId: newer.taskId, status: OrderTaskStatus.FAILED });
    expect((await client.getCurrentOrderTask({ userName: userName.toUpperCase() })).task?.taskId).toBe(old.taskId);
    await client.updateOrderTask({ taskId: old.taskId, status: OrderTaskStatus.COMPLETED });
    expect(reasonOf(await refusal(client.getCurrentOrderTask({ userName })))).toBe("TASK_NOT_FOUND");
  });

  test("1.5: a list pages newest first through tasks of one millisecond", async () => {
    const request = fresh();
    const { userName } = request;
    const ids: string[] = [];
    for (let n = 0; n < 7; n++) ids.push((await created({ ...request, shopName: `shop ${n}` })).taskId);
    const sameTime = database.dialect.time(Date.UTC(2026, 0, 1));
    await database.read.run("update order_tasks set created_at = ? where user_name = ?", [sameTime, userName]);
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await client.listOrderTasks({ userName, pageSize: 3, pageToken });
      seen.push(...page.tasks.map((task) => task.taskId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen).toEqual(ids.sort().reverse());
  });

  test("a page token of another query or none at all is refused", async () => {
    const request = fresh();
    for (const shopName of ["a", "b"]) await created({ ...request, shopName });
    const { nextPageToken } = await client.listOrderTasks({ userName: request.userName, pageSize: 1 });
    for (const wrong of [{ pageToken: nextPageToken }, { userName: request.userName, pageToken: "x" }]) {
      expect(reasonOf(await refusal(client.listOrderTasks(wrong)))).toBe("VALIDATION");
    }
  });

  test("1.5: a list filters by shop, status and creation time", async () => {
    const request = fresh();
    const { userName } = request;
    const a = await created({ ...request, shopName: "Shop A" });
    const b = await created({ ...request, shopName: "Shop B" });
    await client.updateOrderTask({ taskId: b.taskId, status: OrderTaskStatus.FAILED });
    await age(a.taskId, 60_000);
    const ids = async (filter: object) =>
      (await client.listOrderTasks({ userName, ...filter })).tasks.map((task) => task.taskId);
    expect(await ids({ shopName: "SHOP A" })).toEqual([a.taskId]);
    expect(await ids({ status: OrderTaskStatus.FAILED })).toEqual([b.taskId]);
    const at = b.createdAt;
    expect(await ids({ createdAfter: at })).toEqual([b.taskId]);
    expect(await ids({ createdBefore: at })).toEqual([a.taskId]);
    expect(await ids({ createdAfter: timestampFromMs(Date.UTC(1, 0, 1) - 6e13) })).toHaveLength(2);
  });

  test("8: users reach their own tasks only, to the letter", async () => {
    const request = fresh();
    const own = { principal: userNamed(request.userName) };
    const other = { principal: userNamed(request.userName.toUpperCase()) };
    const { task } = await client.createOrderTask(request, own);
    const taskId = task?.taskId ?? "";
    for (const call of [client.updateOrderTask, client.getOrderTask, client.listOrderTaskHistory]) {
      await call({ taskId }, own);
      expect((await refusal(call({ taskId }, other))).code).toBe(Code.PermissionDenied);
    }
    expect((await refusal(client.createOrderTask(fresh(), own))).code).toBe(Code.PermissionDenied);
    const { userName } = request;
    expect((await refusal(client.listOrderTasks({ userName }, other))).code).toBe(Code.PermissionDenied);
    expect((await refusal(client.getCurrentOrderTask({ userName }, other))).code).toBe(Code.PermissionDenied);
    expect((await client.listOrderTasks({}, own)).tasks).toHaveLength(1);
    expect((await client.listOrderTasks({}, other)).tasks).toHaveLength(0);
    expect((await refusal(client.getOrderTaskStats({}, own))).code).toBe(Code.PermissionDenied);
  });

  test("8: receiver fields are masked for who may not see personal data", async () => {
    const request = fresh();
    const { taskId } = await created(request);
    const receiver = { receiverName: "周敏", receiverAddress: "1 Long Road", receiverPhone: "13800000000" };
    await client.updateOrderTask({ taskId, ...receiver });
    const { task } = await client.getOrderTask({ taskId }, { principal: userNamed(request.userName) });
    expect(task).toMatchObject({ receiverName: "周***", receiverAddress: "***", receiverPhone: "***" });
    expect((await client.getOrderTask({ taskId }, { principal: operator })).task).toMatchObject(receiver);
  });

  test("3.3: an Idempotency-Key gives the first answer again, and says so", async () => {
    const request = fresh();
    const options = { header: new Headers({ "idempotency-key": `key-${request.userName}` }), principal: operator };
    const caller = localCaller(await registryOf([orderTaskService({ database })]));
    const method = OrderTaskService.method.createOrderTask;
    const first = await caller.unary(method, request, options);
    const again = await caller.unary(method, request, options);
    expect(again.message).toEqual(first.message);
    expect([first, again].map(({ header }) => header?.get("idempotent-replayed"))).toEqual([undefined, "true"]);
    const other = await refusal(caller.unary(method, { ...request, productSku: "other" }, options));
    expect(reasonOf(other)).toBe("IDEMPOTENCY_KEY_REUSED");
  });

  test("3.3: retention removes slots that no rule reads any more, and only those", async () => {
    const old = fresh();
    const young = fresh();
    await age((await created(old)).taskId, 49 * 3_600_000);
    await created(young);
    const retention = startRetention({ database, rules: orderTaskRetention, log: quietLog });
    expect(await retention.run()).toBe(1);
    await retention.stop();
    await created(old);
    expect(reasonOf(await refusal(client.createOrderTask(young)))).toBe("ORDER_LIMIT_24H");
  });

  test("an update with an Idempotency-Key is made once", async () => {
    const { taskId } = await created();
    const header = new Headers({ "idempotency-key": `update-${taskId}` });
    const first = await client.updateOrderTask({ taskId, errorMessage: "x" }, { header });
    expect(await client.updateOrderTask({ taskId, errorMessage: "x" }, { header })).toEqual(first);
    expect((await client.listOrderTaskHistory({ taskId })).changes).toHaveLength(2);
  });

  test("6: the created event says what the contract lists and nothing of the receiver", async () => {
    const task = await created();
    const rows = await database.read.all(
      `select data from ${database.tables.outbox} where subject = 'ordermesh.order.task.created.v1'`,
    );
    const events = rows.map((row) => fromBinary(OrderTaskCreatedSchema, bytes(row.data)));
    const { taskId, userName, shopName, productSku, productPrice, createdAt } = task;
    expect(events.find((event) => event.taskId === taskId)).toMatchObject({
      userName,
      shopName,
      productSku,
      productPrice,
      createdAt,
    });
  });

  test("3.5: times are the database's, in UTC whatever its zone", async () => {
    const { createdAt } = await created();
    if (createdAt === undefined) throw new Error("no time");
    expect(Math.abs(timestampMs(createdAt) - Date.now())).toBeLessThan(10_000);
  });

  test("1.5: statistics count by status, in all and in an interval", async () => {
    const own = await openForTest(kind, [orderTasks]);
    const counting = await orderTaskClient(own.database);
    const ids: string[] = [];
    for (let n = 0; n < 4; n++) ids.push((await counting.createOrderTask(fresh())).task?.taskId ?? "");
    await counting.updateOrderTask({ taskId: ids[0] ?? "", status: OrderTaskStatus.COMPLETED });
    await counting.updateOrderTask({ taskId: ids[1] ?? "", status: OrderTaskStatus.FAILED });
    expect(await counting.getOrderTaskStats({})).toMatchObject({
      inProgressCount: 2n,
      completedCount: 1n,
      failedCount: 1n,
      totalCount: 4n,
    });
    const yesterday = timestampFromMs(Date.now() - 86_400_000);
    expect((await counting.getOrderTaskStats({ createdBefore: yesterday })).totalCount).toBe(0n);
  });
});
