import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { describe, expect, test } from "vitest";
import { type Fixture, refusals, start } from "./testing/start.ts";

const uuid = "7b0c5d0e-5a0f-4a8e-9d53-0f6d0f1c2a11";
const accepting = { update: () => ({ task: { taskId: uuid, number: 12n }, updatedFields: 4 }) };

const revisions = [
  [
    "PUT /order/update",
    (fixture: Fixture, fields: object) => fixture.ask("PUT /order/update", { task_uuid: uuid, ...fields }),
  ],
  ["PATCH /orders/{task_uuid}", (fixture: Fixture, fields: object) => fixture.ask(`PATCH /orders/${uuid}`, fields)],
] as const;

describe.each(revisions)("%s", (_name, update) => {
  test("ordertracker 1.3 updated", async () => {
    const fixture = await start(accepting);
    const answer = await update(fixture, {
      order_id: "2025080100017",
      alipay_trade_no: "2025080122001400001",
      receiver_name: "Zhou Min",
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toBe(
      `{"success":true,"message":"订单信息更新成功，共更新 4 个字段","task_id":12,"task_uuid":"${uuid}"}`,
    );
    expect(fixture.updated).toMatchObject([
      { taskId: uuid, shopOrderId: "2025080100017", alipayTradeNo: "2025080122001400001", receiverName: "Zhou Min" },
    ]);
  });

  test("ordertracker 1.3 absent and null are left alone, an empty text is a value", async () => {
    const fixture = await start(accepting);
    await update(fixture, { order_id: null, receiver_phone: "" });
    const [request] = fixture.updated;
    expect(request).toMatchObject({ receiverPhone: "", force: false });
    expect(request?.shopOrderId).toBeUndefined();
    expect(request?.status).toBeUndefined();
  });

  test("ordertracker 1.3 every field", async () => {
    const fixture = await start(accepting);
    await update(fixture, { receiver_address: "A", receiver_phone: "1", order_status: 3, error_message: "E" });
    expect(fixture.updated).toMatchObject([{ receiverAddress: "A", receiverPhone: "1", status: 3, errorMessage: "E" }]);
  });

  test("ordertracker 7.9 force is passed on", async () => {
    const fixture = await start(accepting);
    await update(fixture, { order_status: 1, force: true });
    expect(fixture.updated).toMatchObject([{ status: 1, force: true }]);
  });

  test("ordertracker 1.3 n = 0 is still success", async () => {
    const fixture = await start({ update: () => ({ task: { taskId: uuid, number: 12n }, updatedFields: 0 }) });
    expect((await update(fixture, {})).json).toMatchObject({
      success: true,
      message: "订单信息更新成功，共更新 0 个字段",
    });
  });

  test("ordertracker 1.3 unknown uuid", async () => {
    const answer = await update(await start(), {});
    expect(answer.status).toBe(200);
    expect(answer.body).toBe(`{"success":false,"message":"未找到任务UUID: ${uuid}","task_id":null,"task_uuid":null}`);
  });

  test("ordertracker 1.3 database error: 200 with a generic text and an id", async () => {
    const fixture = await start({
      update: () => {
        throw new Error("UPDATE order_tasks SET receiver_name = 'Zhou Min'");
      },
    });
    const answer = await update(fixture, {});
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      success: false,
      message: expect.stringMatching(/^更新订单信息失败: 系统内部错误 \(错误编号: [0-9a-f-]{36}\)$/),
      task_id: null,
      task_uuid: null,
    });
  });

  test("ordertracker 7.9 another status for a task in 2 or 3", async () => {
    const fixture = await start({
      update: () => {
        throw fail(refusals.TASK_FINAL);
      },
    });
    const answer = await update(fixture, { order_status: 1 });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      success: false,
      message: "更新订单信息失败: 任务已结束，状态不能再更改",
      task_id: null,
      task_uuid: null,
    });
  });

  test("ordertracker 7.9 the same status again is the legacy success", async () => {
    const fixture = await start({ update: () => ({ task: { taskId: uuid, number: 12n }, updatedFields: 0 }) });
    expect((await update(fixture, { order_status: 2 })).json).toMatchObject({ success: true, task_id: 12 });
  });

  test.each([
    ["true", 1],
    ["1.0", 1],
    ['"2"', 2],
    ['" 3 "', 3],
    ['"1.0"', 1],
    ["2e0", 2],
  ])("ordertracker 7.3 order_status %s is taken", async (text, status) => {
    const fixture = await start(accepting);
    await fixture.ask(`PATCH /orders/${uuid}`, `{"order_status":${text}}`);
    expect(fixture.updated).toMatchObject([{ status }]);
  });
});

test.each(["", "x".repeat(256)])("ordertracker 1.3 any text is a task_uuid: %j is unknown", async (taskUuid) => {
  const { ask, updated } = await start(accepting);
  expect((await ask("PUT /order/update", { task_uuid: taskUuid })).json).toMatchObject({
    success: false,
    message: `未找到任务UUID: ${taskUuid}`,
  });
  expect(updated).toEqual([]);
});

test("ordertracker 1.3 revision B: the path's task_uuid counts, not the body's", async () => {
  const { ask, updated } = await start(accepting);
  await ask(`PATCH /orders/${uuid}`, { task_uuid: 5 });
  expect(updated).toMatchObject([{ taskId: uuid }]);
});
