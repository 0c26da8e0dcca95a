import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { OrderTaskStatus } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { reasonOf } from "@ordermesh/runtime/errors/inspect.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { openForTest } from "../../../test/support/open-database.ts";
import { orderTasks } from "../store/migrations/0001-order-tasks.ts";
import { operator, orderTaskClient, userNamed } from "./testing/order-task-client.ts";
import { freshTask, type OrderTaskFixture, openOrderTasks, refusal } from "./testing/order-task-fixture.ts";

describe.each(databaseKinds)("%s", (kind) => {
  let on: OrderTaskFixture;

  beforeAll(async () => {
    on = await openOrderTasks(kind);
  });
  afterAll(() => on.dispose());

  test("1.4: the current task is the newest in progress", async () => {
    const request = freshTask();
    const { userName } = request;
    const old = await on.created(request);
    const newer = await on.created({ ...request, shopName: "b" });
    await on.age(old.taskId, 5000);
    expect((await on.client.getCurrentOrderTask({ userName })).task?.taskId).toBe(newer.taskId);
    await on.client.updateOrderTask({ taskId: newer.taskId, status: OrderTaskStatus.FAILED });
    expect((await on.client.getCurrentOrderTask({ userName: userName.toUpperCase() })).task?.taskId).toBe(old.taskId);
    await on.client.updateOrderTask({ taskId: old.taskId, status: OrderTaskStatus.COMPLETED });
    expect(reasonOf(await refusal(on.client.getCurrentOrderTask({ userName })))).toBe("TASK_NOT_FOUND");
  });

  test("1.5: a list pages newest first through tasks of one millisecond", async () => {
    const request = freshTask();
    const { userName } = request;
    const ids: string[] = [];
    for (let n = 0; n < 7; n++) ids.push((await on.created({ ...request, shopName: `shop ${n}` })).taskId);
    const sameTime = on.database.dialect.time(Date.UTC(2026, 0, 1));
    await on.database.read.run("update order_tasks set created_at = ? where user_name = ?", [sameTime, userName]);
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await on.client.listOrderTasks({ userName, pageSize: 3, pageToken });
      seen.push(...page.tasks.map((task) => task.taskId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen).toEqual(ids.sort().reverse());
  });

  test("a page token of another query or none at all is refused", async () => {
    const request = freshTask();
    for (const shopName of ["a", "b"]) await on.created({ ...request, shopName });
    const { nextPageToken } = await on.client.listOrderTasks({ userName: request.userName, pageSize: 1 });
    for (const wrong of [{ pageToken: nextPageToken }, { userName: request.userName, pageToken: "x" }]) {
      expect(reasonOf(await refusal(on.client.listOrderTasks(wrong)))).toBe("VALIDATION");
    }
  });

  test("1.5: a list filters by shop, status and creation time", async () => {
    const request = freshTask();
    const { userName } = request;
    const a = await on.created({ ...request, shopName: "Shop A" });
    const b = await on.created({ ...request, shopName: "Shop B" });
    await on.client.updateOrderTask({ taskId: b.taskId, status: OrderTaskStatus.FAILED });
    await on.age(a.taskId, 60_000);
    const ids = async (filter: object) =>
      (await on.client.listOrderTasks({ userName, ...filter })).tasks.map((task) => task.taskId);
    expect(await ids({ shopName: "SHOP A" })).toEqual([a.taskId]);
    expect(await ids({ status: OrderTaskStatus.FAILED })).toEqual([b.taskId]);
    const at = b.createdAt;
    expect(await ids({ createdAfter: at })).toEqual([b.taskId]);
    expect(await ids({ createdBefore: at })).toEqual([a.taskId]);
    expect(await ids({ createdAfter: timestampFromMs(Date.UTC(1, 0, 1) - 6e13) })).toHaveLength(2);
  });

  test("8: users reach their own tasks only, to the letter", async () => {
    const request = freshTask();
    const own = { principal: userNamed(request.userName) };
    const other = { principal: userNamed(request.userName.toUpperCase()) };
    const { task } = await on.client.createOrderTask(request, own);
    const taskId = task?.taskId ?? "";
    for (const call of [on.client.updateOrderTask, on.client.getOrderTask, on.client.listOrderTaskHistory]) {
      await call({ taskId }, own);
      expect((await refusal(call({ taskId }, other))).code).toBe(Code.PermissionDenied);
    }
    expect((await refusal(on.client.createOrderTask(freshTask(), own))).code).toBe(Code.PermissionDenied);
    const { userName } = request;
    expect((await refusal(on.client.listOrderTasks({ userName }, other))).code).toBe(Code.PermissionDenied);
    expect((await refusal(on.client.getCurrentOrderTask({ userName }, other))).code).toBe(Code.PermissionDenied);
    expect((await on.client.listOrderTasks({}, own)).tasks).toHaveLength(1);
    expect((await on.client.listOrderTasks({}, other)).tasks).toHaveLength(0);
    expect((await refusal(on.client.getOrderTaskStats({}, own))).code).toBe(Code.PermissionDenied);
  });

  test("8: receiver fields are masked for who may not see personal data", async () => {
    const request = freshTask();
    const { taskId } = await on.created(request);
    const receiver = { receiverName: "周敏", receiverAddress: "1 Long Road", receiverPhone: "13800000000" };
    await on.client.updateOrderTask({ taskId, ...receiver });
    const { task } = await on.client.getOrderTask({ taskId }, { principal: userNamed(request.userName) });
    expect(task).toMatchObject({ receiverName: "周***", receiverAddress: "***", receiverPhone: "***" });
    expect((await on.client.getOrderTask({ taskId }, { principal: operator })).task).toMatchObject(receiver);
  });

  test("1.5: statistics count by status, in all and in an interval", async () => {
    const own = await openForTest(kind, [orderTasks]);
    const counting = await orderTaskClient(own.database);
    const ids: string[] = [];
    for (let n = 0; n < 4; n++) ids.push((await counting.createOrderTask(freshTask())).task?.taskId ?? "");
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
