import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { describe, expect, test } from "vitest";
import { refusals, start } from "./testing/start.ts";

const body = {
  user_name: "lin.hao",
  shop_name: "North Grain Store",
  product_url: "https://shop.example.com/item/7",
  product_price: 49.9,
  product_sku: "SKU-7",
};
const uuid = "7b0c5d0e-5a0f-4a8e-9d53-0f6d0f1c2a11";

describe.each(["/product", "/orders"])("POST %s", (path) => {
  test("ordertracker 1.2 created", async () => {
    const { ask, created } = await start({ create: () => ({ taskId: uuid, number: 12n }) });
    const answer = await ask(`POST ${path}`, body);
    expect(answer).toMatchObject({ status: 200, headers: { "content-type": "application/json" } });
    expect(answer.body).toBe(`{"success":true,"message":"商品下单任务创建成功","task_id":12,"task_uuid":"${uuid}"}`);
    expect(created).toMatchObject([
      {
        userName: "lin.hao",
        shopName: "North Grain Store",
        productUrl: "https://shop.example.com/item/7",
        productPrice: { currency: "CNY", minorUnits: 4990n },
        productSku: "SKU-7",
      },
    ]);
  });

  test("ordertracker 1.2 24 h rule", async () => {
    const { ask } = await start({ create: () => limited(86_399_999) });
    expect((await ask(`POST ${path}`, body)).body).toBe(
      `{"success":false,"message":"用户 'lin.hao' 在店铺 'North Grain Store' 24小时内已有下单任务，还需等待 23小时59分钟后才能重新下单","task_id":null,"task_uuid":"${uuid}"}`,
    );
  });

  test("ordertracker 1.2 validation", async () => {
    const { ask, created } = await start();
    expect(await ask(`POST ${path}`, {})).toMatchObject({ status: 422 });
    expect(created).toEqual([]);
  });
});

test.each([
  [86_400_000, "23小时59分钟"],
  [3_600_000, "1小时0分钟"],
  [3_599_999, "0小时59分钟"],
  [59_999, "0小时0分钟"],
  [0, "0小时0分钟"],
])("ordertracker 1.2 remaining time: %i ms are %s", async (remainingMs, text) => {
  const { ask } = await start({ create: () => limited(remainingMs) });
  const { json } = await ask("POST /product", body);
  expect(json).toMatchObject({ message: expect.stringContaining(`还需等待 ${text}后`) });
});

test("ordertracker 1.2 database error: 200 with a generic text and the id that the log has (1.7, 5 no. 1)", async () => {
  const { ask, lines } = await start({
    create: () => {
      throw new Error("INSERT INTO order_tasks ... lin.hao");
    },
  });
  const { status, json } = await ask("POST /product", body);
  expect(status).toBe(200);
  expect(json).toEqual({
    success: false,
    message: expect.stringMatching(/^创建任务失败: 系统内部错误 \(错误编号: [0-9a-f-]{36}\)$/),
    task_id: null,
    task_uuid: null,
  });
  const id = /[0-9a-f-]{36}/.exec((json as { message: string }).message)?.[0] ?? "none";
  expect(lines.filter((line) => line.includes(id))).toHaveLength(1);
});

test("ordertracker 1.2 an unavailable database is a failure with an id, too", async () => {
  const { ask, lines } = await start({
    create: () => {
      throw fail("STORE_UNAVAILABLE");
    },
  });
  const { status, json } = await ask("POST /product", body);
  expect(status).toBe(200);
  expect(json).toMatchObject({ success: false, message: expect.stringMatching(/^创建任务失败: 系统内部错误/) });
  expect(lines).toHaveLength(1);
});

test("ordertracker 1.7 an Idempotency-Key used twice keeps its own status: only new clients send one", async () => {
  const { ask } = await start({
    create: () => {
      throw fail("IDEMPOTENCY_KEY_REUSED");
    },
  });
  expect(await ask("POST /product", body)).toMatchObject({
    status: 422,
    json: { detail: "this Idempotency-Key was used with another request" },
  });
});

test.each([
  ["10.005", 1001n],
  ["10.004999999999999999", 1000n],
  ["99999999.994", 9_999_999_999n],
  ["49.9", 4990n],
  ["1e2", 10_000n],
  ["0.005", 1n],
  ["0.0049", 0n],
  ["1e-9", 0n],
])("ordertracker 1.2 price %s is rounded half up before it is stored", async (price, minorUnits) => {
  const { ask, created } = await start();
  await ask("POST /product", JSON.stringify(body).replace("49.9", price));
  expect(created).toMatchObject([{ productPrice: { minorUnits } }]);
});

test.each([
  ["true", 100n],
  ['" 12.5 "', 1250n],
  ['"1_000"', 100_000n],
  ['"+5"', 500n],
  ['".5"', 50n],
  ['"5."', 500n],
  ['"\\u00a01e1"', 1000n],
])("ordertracker 7.3 lax price %s is taken", async (price, minorUnits) => {
  const { ask, created } = await start();
  await ask("POST /product", JSON.stringify(body).replace("49.9", price));
  expect(created).toMatchObject([{ productPrice: { minorUnits } }]);
});

test("ordertracker 7.3 the last of duplicate keys wins", async () => {
  const { ask, created } = await start();
  await ask("POST /product", JSON.stringify(body).replace("{", '{"user_name":5,'));
  expect(created).toMatchObject([{ userName: "lin.hao" }]);
});

test("ordertracker 1.2 unknown members are ignored, __proto__ among them", async () => {
  const { ask, created } = await start();
  const answer = await ask("POST /product", JSON.stringify(body).replace("{", '{"__proto__":{"x":1},"more":[1],'));
  expect(answer.status).toBe(200);
  expect(created).toHaveLength(1);
});

test("ordertracker 1.2 product_url is normalised when stored", async () => {
  const { ask, created } = await start();
  await ask("POST /product", { ...body, product_url: " HTTPS://Shop.Example.COM:443 " });
  expect(created).toMatchObject([{ productUrl: "https://shop.example.com/" }]);
});

function limited(remainingMs: number): never {
  throw fail(refusals.ORDER_LIMIT_24H, {
    metadata: { task_id: uuid, task_number: "12", remaining_ms: String(remainingMs) },
  });
}
