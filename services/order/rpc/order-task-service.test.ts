import { fromBinary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { OrderTaskCreatedSchema } from "@ordermesh/proto/ordermesh/events/v1/order_task_pb";
import { OrderTaskService, OrderTaskStatus } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { reasonOf, violationsOf } from "@ordermesh/runtime/errors/inspect.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { registryOf } from "@ordermesh/runtime/rpc/testing/echo.ts";
import { bytes } from "@ordermesh/runtime/store/column.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { orderTaskService } from "./order-task-service.ts";
import { operator } from "./testing/order-task-client.ts";
import { freshTask, type OrderTaskFixture, openOrderTasks, refusal } from "./testing/order-task-fixture.ts";

describe.each(databaseKinds)("%s", (kind) => {
  let on: OrderTaskFixture;

  beforeAll(async () => {
    on = await openOrderTasks(kind);
  });
  afterAll(() => on.dispose());

  test("1.2: a create gives the task as stored", async () => {
    const request = freshTask();
    const task = await on.created(request);
    expect(task).toMatchObject({ ...request, status: OrderTaskStatus.IN_PROGRESS, version: 1 });
    expect(task.number).toBeGreaterThan(0n);
    expect(task.taskId).toMatch(/^[0-9a-f-]{36}$/);
    expect((await on.client.getOrderTask({ taskId: task.taskId })).task).toEqual(task);
  });

  test.each([
    ["a relative URL", "product_url", { productUrl: "/item/7" }],
    ["a URL of another scheme", "product_url", { productUrl: "ftp://a.example/" }],
    ["a URL of 24997 characters", "product_url", { productUrl: `https://a.example/${"x".repeat(24_979)}` }],
    ["a NUL", "shop_name", { shopName: "a\0b" }],
    ["an empty name", "user_name", { userName: "" }],
    ["a price below nothing", "product_price", { productPrice: { currency: "CNY", minorUnits: -1n } }],
    ["a price beyond the range", "product_price", { productPrice: { currency: "CNY", minorUnits: 10_000_000_000n } }],
  ])("5, defect 7: %s is refused", async (_what, field, part) => {
    const error = await refusal(on.client.createOrderTask({ ...freshTask(), ...part }));
    expect(reasonOf(error)).toBe("VALIDATION");
    expect(violationsOf(error)[0]?.field).toBe(field);
  });

  test("7.4: a URL of 2083 escaped characters and the highest price are stored", async () => {
    const productUrl = `https://a.example/${"%F0%9F%9B%92".repeat(2065)}`;
    const task = await on.created({
      ...freshTask(),
      productUrl,
      productPrice: { currency: "CNY", minorUnits: 9_999_999_999n },
    });
    expect((await on.client.getOrderTask({ taskId: task.taskId })).task).toEqual(task);
  });

  test("3.4: the automatic rule completes, in one transaction with history and events", async () => {
    const { taskId } = await on.created();
    const details = { shopOrderId: "2025080100017", alipayTradeNo: "2025080122001400001", receiverName: "Zhou Min" };
    const reply = await on.client.updateOrderTask({ taskId, ...details });
    expect(reply.updatedFields).toBe(4);
    expect(reply.task).toMatchObject({ ...details, status: OrderTaskStatus.COMPLETED, version: 2 });
    expect(reply.task?.completedAt).toEqual(reply.task?.updatedAt);
    expect((await on.client.getOrderTask({ taskId })).task).toEqual(reply.task);
    const { changes } = await on.client.listOrderTaskHistory({ taskId });
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
    expect(await on.eventsOf(taskId)).toEqual([
      "ordermesh.order.task.created.v1",
      "ordermesh.order.task.updated.v1",
      "ordermesh.order.task.completed.v1",
    ]);
  });

  test("3.4: leaving 2 by force clears completed_at in the store", async () => {
    const { taskId } = await on.created();
    await on.client.updateOrderTask({ taskId, status: OrderTaskStatus.COMPLETED });
    const status = OrderTaskStatus.IN_PROGRESS;
    expect(reasonOf(await refusal(on.client.updateOrderTask({ taskId, status })))).toBe("TASK_FINAL");
    await on.client.updateOrderTask({ taskId, status, force: true });
    expect((await on.client.getOrderTask({ taskId })).task?.completedAt).toBeUndefined();
  });

  test("6: a failure leaves its event", async () => {
    const { taskId } = await on.created();
    await on.client.updateOrderTask({ taskId, status: OrderTaskStatus.FAILED, errorMessage: "sold out" });
    expect((await on.eventsOf(taskId)).at(-1)).toBe("ordermesh.order.task.failed.v1");
  });

  test("1.3: an update without fields is a success that leaves no trace", async () => {
    const { taskId } = await on.created();
    expect((await on.client.updateOrderTask({ taskId })).updatedFields).toBe(0);
    expect((await on.client.listOrderTaskHistory({ taskId })).changes).toHaveLength(1);
    expect(await on.eventsOf(taskId)).toHaveLength(1);
  });

  test("5, defect 6: of parallel updates with one expected version one is made", async () => {
    const { taskId } = await on.created();
    const updates = await Promise.allSettled(
      [1, 2, 3, 4, 5].map((n) => on.client.updateOrderTask({ taskId, errorMessage: String(n), expectedVersion: 1 })),
    );
    const refused = updates.flatMap((one) => (one.status === "rejected" ? [reasonOf(one.reason)] : []));
    expect(refused).toEqual(Array(4).fill("VERSION_MISMATCH"));
  });

  test.each([["no-such-task"], ["x".repeat(255)], ["a\0b"]])(
    "1.3: the unknown id %j is TASK_NOT_FOUND",
    async (taskId) => {
      for (const call of [on.client.updateOrderTask, on.client.getOrderTask, on.client.listOrderTaskHistory]) {
        expect(reasonOf(await refusal(call({ taskId })))).toBe("TASK_NOT_FOUND");
      }
    },
  );

  test("3.3: an Idempotency-Key gives the first answer again, and says so", async () => {
    const request = freshTask();
    const options = { header: new Headers({ "idempotency-key": `key-${request.userName}` }), principal: operator };
    const caller = localCaller(await registryOf([orderTaskService({ database: on.database })]));
    const method = OrderTaskService.method.createOrderTask;
    const first = await caller.unary(method, request, options);
    const again = await caller.unary(method, request, options);
    expect(again.message).toEqual(first.message);
    expect([first, again].map(({ header }) => header?.get("idempotent-replayed"))).toEqual([undefined, "true"]);
    const other = await refusal(caller.unary(method, { ...request, productSku: "other" }, options));
    expect(reasonOf(other)).toBe("IDEMPOTENCY_KEY_REUSED");
  });

  test("an update with an Idempotency-Key is made once", async () => {
    const { taskId } = await on.created();
    const header = new Headers({ "idempotency-key": `update-${taskId}` });
    const first = await on.client.updateOrderTask({ taskId, errorMessage: "x" }, { header });
    expect(await on.client.updateOrderTask({ taskId, errorMessage: "x" }, { header })).toEqual(first);
    expect((await on.client.listOrderTaskHistory({ taskId })).changes).toHaveLength(2);
  });

  test("6: the created event says what the contract lists and nothing of the receiver", async () => {
    const task = await on.created();
    const rows = await on.database.read.all(
      `select data from ${on.database.tables.outbox} where subject = 'ordermesh.order.task.created.v1'`,
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
    const { createdAt } = await on.created();
    if (createdAt === undefined) throw new Error("no time");
    expect(Math.abs(timestampMs(createdAt) - Date.now())).toBeLessThan(10_000);
  });
});
