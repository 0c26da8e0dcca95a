import { Code } from "@connectrpc/connect";
import { OrderTaskStatus } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { metadataOf, reasonOf, retryAfterMsOf } from "@ordermesh/runtime/errors/inspect.ts";
import { startRetention } from "@ordermesh/runtime/store/retention.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { quietLog } from "../../../test/support/open-database.ts";
import { orderTaskRetention } from "../store/order-task-store.ts";
import { orderTaskClient } from "./testing/order-task-client.ts";
import { freshTask, type OrderTaskFixture, openOrderTasks, refusal } from "./testing/order-task-fixture.ts";

describe.each(databaseKinds)("%s", (kind) => {
  let on: OrderTaskFixture;

  beforeAll(async () => {
    on = await openOrderTasks(kind);
  });
  afterAll(() => on.dispose());

  test("1.7, 3.1: a second create is refused with 409, naming the task and the wait", async () => {
    const request = freshTask();
    const task = await on.created(request);
    await on.age(task.taskId, 1500);
    const error = await refusal(on.client.createOrderTask(request));
    expect([error.code, reasonOf(error)]).toEqual([Code.AlreadyExists, "ORDER_LIMIT_24H"]);
    expect(metadataOf(error)).toMatchObject({ task_id: task.taskId, task_number: String(task.number) });
    const remaining = Number(metadataOf(error).remaining_ms);
    expect(remaining).toBeGreaterThan(86_390_000);
    expect(remaining).toBeLessThanOrEqual(86_398_500);
    expect(retryAfterMsOf(error)).toBe(Math.ceil(remaining / 1000) * 1000);
  });

  test("3.1: 24 h - 1 s is refused", async () => {
    const request = freshTask();
    await on.age((await on.created(request)).taskId, 86_399_000);
    expect(reasonOf(await refusal(on.client.createOrderTask(request)))).toBe("ORDER_LIMIT_24H");
  });

  test("3.1: 24 h is allowed, and the new task holds the slot", async () => {
    const request = freshTask();
    await on.age((await on.created(request)).taskId, 86_400_000);
    const second = await on.created(request);
    expect(metadataOf(await refusal(on.client.createOrderTask(request))).task_id).toBe(second.taskId);
  });

  test("3.3: a database clock that stepped back does not free the slot", async () => {
    const request = freshTask();
    await on.age((await on.created(request)).taskId, -3_600_000);
    expect(Number(metadataOf(await refusal(on.client.createOrderTask(request))).remaining_ms)).toBeGreaterThan(
      86_400_000,
    );
  });

  test("3.1: other shops and other users are free", async () => {
    const request = freshTask();
    await on.created(request);
    await on.created({ ...request, shopName: "other" });
    await on.created(freshTask());
  });

  test("3.1: a failed task blocks too", async () => {
    const request = freshTask();
    const { taskId } = await on.created(request);
    await on.client.updateOrderTask({ taskId, status: OrderTaskStatus.FAILED });
    expect(reasonOf(await refusal(on.client.createOrderTask(request)))).toBe("ORDER_LIMIT_24H");
  });

  test("3.1: with LIMIT_IGNORES_FAILED a failed task releases its slot", async () => {
    const lenient = await orderTaskClient(on.database, { limitIgnoresFailed: true });
    const request = freshTask();
    const { taskId } = await on.created(request);
    expect(reasonOf(await refusal(lenient.createOrderTask(request)))).toBe("ORDER_LIMIT_24H");
    await on.client.updateOrderTask({ taskId, status: OrderTaskStatus.FAILED });
    expect((await lenient.createOrderTask(request)).task?.taskId).not.toBe(taskId);
  });

  test("3.2: names equal by the rule share a slot, and each keeps its spelling", async () => {
    const request = freshTask();
    const task = await on.created({ ...request, userName: `  ${request.userName.toUpperCase()}` });
    expect(metadataOf(await refusal(on.client.createOrderTask(request))).task_id).toBe(task.taskId);
    expect(task.userName).toBe(`  ${request.userName.toUpperCase()}`);
  });

  test("3.2: the longest names after NFKC are stored", async () => {
    const request = { ...freshTask(), userName: "ﷺ".repeat(100), shopName: "ﷺ".repeat(200) };
    await on.created(request);
    expect(reasonOf(await refusal(on.client.createOrderTask(request)))).toBe("ORDER_LIMIT_24H");
  });

  test("3.3: retention removes slots that no rule reads any more, and only those", async () => {
    const old = freshTask();
    const young = freshTask();
    await on.age((await on.created(old)).taskId, 49 * 3_600_000);
    await on.created(young);
    const retention = startRetention({ database: on.database, rules: orderTaskRetention, log: quietLog });
    expect(await retention.run()).toBe(1);
    await retention.stop();
    await on.created(old);
    expect(reasonOf(await refusal(on.client.createOrderTask(young)))).toBe("ORDER_LIMIT_24H");
  });
});
