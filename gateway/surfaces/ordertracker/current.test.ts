import { describe, expect, test } from "vitest";
import { start } from "./testing/start.ts";

const time = (iso: string) => {
  const ms = Date.parse(iso);
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
};

const task = {
  taskId: "u-1",
  number: 12n,
  userName: "lin",
  shopName: "S",
  productUrl: "https://a/",
  productPrice: { currency: "CNY", minorUnits: 4990n },
  productSku: "K",
  status: 1,
  receiverName: "",
  createdAt: time("2025-08-01T08:00:00Z"),
  updatedAt: time("2025-08-01T08:00:00.120Z"),
};

describe("GET /users/{user_name}/orders/current", () => {
  test("ordertracker 1.4 found: every member, null where there is none, times naive", async () => {
    const { ask } = await start({ current: () => task });
    const answer = await ask("GET /users/lin/orders/current");
    expect(answer.status).toBe(200);
    expect(answer.body).toBe(
      `{"success":true,"message":"成功获取用户 'lin' 的当前进行中任务","task":{"id":12,"task_uuid":"u-1",` +
        `"user_name":"lin","shop_name":"S","product_url":"https://a/","product_price":49.9,"product_sku":"K",` +
        `"order_status":1,"error_message":null,"order_id":null,"alipay_trade_no":null,"receiver_name":"",` +
        `"receiver_address":null,"receiver_phone":null,"created_at":"2025-08-01T08:00:00",` +
        `"updated_at":"2025-08-01T08:00:00.120000","completed_at":null}}`,
    );
  });

  test("ordertracker 1.4 product_price is a float as Python prints it", async () => {
    const { ask } = await start({ current: () => ({ ...task, productPrice: { currency: "CNY", minorUnits: 5000n } }) });
    expect((await ask("GET /users/lin/orders/current")).body).toContain('"product_price":50.0,');
  });

  test("ordertracker 1.4 none", async () => {
    const { ask } = await start();
    const answer = await ask("GET /users/lin/orders/current");
    expect(answer.status).toBe(200);
    expect(answer.body).toBe(`{"success":false,"message":"用户 'lin' 当前没有进行中的任务","task":null}`);
  });

  test("ordertracker 1.4 error: 200 with a generic text and an id", async () => {
    const { ask } = await start({
      current: () => {
        throw new Error("SELECT receiver_name FROM order_tasks");
      },
    });
    const { status, json } = await ask("GET /users/lin/orders/current");
    expect(status).toBe(200);
    expect(json).toEqual({
      success: false,
      message: expect.stringMatching(/^获取用户当前任务失败: 系统内部错误 \(错误编号: [0-9a-f-]{36}\)$/),
      task: null,
    });
  });

  test("ordertracker 1.4 the user name is decoded", async () => {
    const { ask } = await start({ current: (userName) => ({ ...task, userName }) });
    expect((await ask(`GET /users/${encodeURIComponent("林 好")}/orders/current`)).json).toMatchObject({
      message: "成功获取用户 '林 好' 的当前进行中任务",
      task: { user_name: "林 好" },
    });
  });

  test("ordertracker 1.4 a name with U+0000 has no task, either", async () => {
    const { ask } = await start();
    const answer = await ask("GET /users/a%00b/orders/current");
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ success: false, message: "用户 'a\0b' 当前没有进行中的任务", task: null });
  });

  test("ordertracker 1.4 a name longer than any user's has no task", async () => {
    const { ask } = await start({ current: () => task });
    expect((await ask(`GET /users/${"x".repeat(401)}/orders/current`)).json).toMatchObject({ success: false });
  });
});
