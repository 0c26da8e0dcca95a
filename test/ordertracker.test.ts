import { createOrderTrackerSurface } from "@ordermesh/gateway/surfaces/ordertracker/index.ts";
import { serve, type TestServer } from "@ordermesh/gateway/transcoder/testing/serve.ts";
import { createTranscoder } from "@ordermesh/gateway/transcoder/transcoder.ts";
import { orderTaskService } from "@ordermesh/order/rpc/order-task-service.ts";
import { orderMigrations } from "@ordermesh/order/store/migrations/index.ts";
import { localAdministrator } from "@ordermesh/runtime/auth/principal.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { registryOf } from "@ordermesh/runtime/rpc/testing/echo.ts";
import { describe, expect, test } from "vitest";
import { databaseKinds } from "./support/databases.ts";
import { openForTest, quietLog } from "./support/open-database.ts";

const product = {
  user_name: "lin.hao",
  shop_name: "North Grain Store",
  product_url: "https://shop.example.com/item/7",
  product_price: 10.005,
  product_sku: "SKU-7",
};
const headers = { "content-type": "application/json" };

interface Reply {
  readonly success: boolean;
  readonly message: string;
  readonly task_id: number | null;
  readonly task_uuid: string | null;
  readonly task?: Readonly<Record<string, unknown>> | null;
}

/** The surface before the real order service on a database. */
describe.each(databaseKinds)("OrderTracker on %s", (kind) => {
  async function start() {
    const { database } = await openForTest(kind, orderMigrations);
    const caller = localCaller(await registryOf([orderTaskService({ database })]), "rest");
    const transcoder = createTranscoder({
      surfaces: [createOrderTrackerSurface({ caller, currency: "CNY" })],
      caller,
      authenticate: () => localAdministrator,
      log: quietLog,
    });
    const server = await serve((request, response) => void transcoder.handle(request, response));
    return (request: string, body?: unknown) => ask(server, request, body);
  }

  test("ordertracker 1.2 24 h rule: the second request is refused by the first's uuid", async () => {
    const send = await start();
    const created = await send("POST /product", product);
    expect(created).toMatchObject({ success: true, task_id: expect.any(Number) });
    expect(await send("POST /orders", { ...product, user_name: "LIN.HAO" })).toEqual({
      success: false,
      message: "用户 'LIN.HAO' 在店铺 'North Grain Store' 24小时内已有下单任务，还需等待 23小时59分钟后才能重新下单",
      task_id: null,
      task_uuid: created.task_uuid,
    });
  });

  test("ordertracker 1.2 a price above 0 that rounds to nothing is stored as 0.00", async () => {
    const send = await start();
    expect(await send("POST /product", { ...product, product_price: 0.0049 })).toMatchObject({ success: true });
    expect((await send("GET /users/lin.hao/orders/current")).task).toMatchObject({ product_price: 0 });
  });

  test("ordertracker 1.4 found, then completed by order_id, trade number and name (3.4), then none", async () => {
    const send = await start();
    const { task_id, task_uuid } = await send("POST /product", product);
    const found = await send("GET /users/lin.hao/orders/current");
    expect(found.task).toMatchObject({
      id: task_id,
      task_uuid,
      product_price: 10.01,
      order_status: 1,
      completed_at: null,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?$/),
    });
    const names = { order_id: "2025080100017", alipay_trade_no: "2025080122001400001", receiver_name: "Zhou Min" };
    expect(await send("PUT /order/update", { task_uuid, ...names })).toEqual({
      success: true,
      message: "订单信息更新成功，共更新 4 个字段",
      task_id,
      task_uuid,
    });
    expect(await send("GET /users/lin.hao/orders/current")).toEqual({
      success: false,
      message: "用户 'lin.hao' 当前没有进行中的任务",
      task: null,
    });
  });

  test("ordertracker 7.9 a final task takes its own status again, and another by force only", async () => {
    const send = await start();
    const { task_id, task_uuid } = await send("POST /orders", product);
    await send(`PATCH /orders/${task_uuid}`, { order_status: 3, error_message: "sold out" });
    expect(await send(`PATCH /orders/${task_uuid}`, { order_status: "3" })).toEqual({
      success: true,
      message: "订单信息更新成功，共更新 0 个字段",
      task_id,
      task_uuid,
    });
    expect(await send(`PATCH /orders/${task_uuid}`, { order_status: 1 })).toMatchObject({
      success: false,
      message: "更新订单信息失败: 任务已结束，状态不能再更改",
    });
    expect(await send(`PATCH /orders/${task_uuid}`, { order_status: 1, force: true })).toMatchObject({ success: true });
  });

  test("ordertracker 1.3 unknown uuid", async () => {
    const send = await start();
    expect(await send("PATCH /orders/nobody", {})).toMatchObject({ message: "未找到任务UUID: nobody" });
  });

  test("ordertracker 7.8 50 parallel creates: one success, 49 refusals that name it", async () => {
    const send = await start();
    const replies = await Promise.all(Array.from({ length: 50 }, () => send("POST /product", product)));
    const [created, ...more] = replies.filter(({ success }) => success);
    expect(more).toEqual([]);
    expect(new Set(replies.map(({ task_uuid }) => task_uuid))).toEqual(new Set([created?.task_uuid]));
  });
});

async function ask(server: TestServer, request: string, body?: unknown): Promise<Reply> {
  const answer = await server.send(request, { headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
  expect(answer.status).toBe(200);
  return JSON.parse(answer.body) as Reply;
}
