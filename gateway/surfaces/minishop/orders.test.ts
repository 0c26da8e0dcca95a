import { Code } from "@connectrpc/connect";
import { OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import type { ErrorSpec } from "@ordermesh/runtime/errors/define.ts";
import { defineErrors } from "@ordermesh/runtime/errors/define.ts";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { describe, expect, test } from "vitest";
import { at, exampleFailure, exampleOrder, type ShopOptions, startShop } from "./testing/shop.ts";

const order = "/api/v1/orders/SK30017000042";
const found: ShopOptions["native"] = { lookupOrder: async () => ({ order: exampleOrder() }) };

/** The native services' refusal with this reason. */
function refusal(reason: string, spec: Partial<ErrorSpec>, metadata?: Record<string, string>) {
  const definition = defineErrors({ [reason]: { code: Code.FailedPrecondition, text: "native text", ...spec } })[
    reason
  ];
  if (definition === undefined) throw new Error("no definition");
  return async (): Promise<never> => {
    throw fail(definition, { metadata });
  };
}

const noOrder = { lookupOrder: refusal("ORDER_NOT_FOUND", { code: Code.NotFound }) };

describe("minishop 1.3 O2", () => {
  test("minishop 1.4 O2 answers with exactly the contract's keys in their order", async () => {
    const { send } = await startShop({ native: found });
    const { status, headers, body } = await send(`GET ${order}`);
    expect({ status, type: headers["content-type"] }).toEqual({ status: 200, type: "application/json; charset=utf-8" });
    expect(body).toBe(
      '{"code":0,"data":{"id":918,"order_id":"SK30017000042","user_id":7000,"product_id":3001,' +
        '"product_name":"Product-3001","quantity":2,"price":1.25,"total_amount":2.5,"status":"pending",' +
        '"order_type":"seckill","trace_id":"trace_42","created_at":"2030-05-04T10:00:00.12Z",' +
        '"updated_at":"2030-05-04T10:00:00.12Z","deleted_at":null,"expired_at":"2030-05-04T10:30:00Z",' +
        '"order_items":[{"id":919,"order_id":"SK30017000042","product_id":3001,"product_name":"Product-3001",' +
        '"quantity":2,"price":1.25,"total_amount":2.5,"created_at":"2030-05-04T10:00:00.12Z",' +
        '"updated_at":"2030-05-04T10:00:00.12Z","deleted_at":null}]},"msg":"获取成功"}',
    );
  });

  test("minishop 9.7 O2 rounds a unit price of more decimals half up", async () => {
    const line = { productId: "1", quantity: 1n, unitPrice: "5.555", total: { currency: "CNY", minorUnits: 556n } };
    const { send } = await startShop({
      native: { lookupOrder: async () => ({ order: exampleOrder({ lines: [line] }) }) },
    });
    expect(JSON.parse((await send(`GET ${order}`)).body).data).toMatchObject({ price: 5.56 });
  });

  test("minishop 1.1 texts are escaped as Go's encoder does", async () => {
    const { send } = await startShop({
      native: { lookupOrder: async () => ({ order: exampleOrder({ traceId: "<a&b>" }) }) },
    });
    expect((await send(`GET ${order}`)).body).toContain('"trace_id":"\\u003ca\\u0026b\\u003e"');
  });

  test("minishop 1.3 O2 no such order is 404", async () => {
    const { send } = await startShop({ native: noOrder });
    expect(await send(`GET ${order}`)).toMatchObject({ status: 404, body: '{"error":"订单不存在"}' });
  });

  test("minishop 9.4 an order id that cannot exist is 404, one with NUL or broken UTF-8 400", async () => {
    const { send } = await startShop({ native: found });
    expect((await send(`GET /api/v1/orders/${"x".repeat(65)}`)).status).toBe(404);
    for (const id of ["a%00b", "%ff"]) {
      expect(await send(`GET /api/v1/orders/${id}`)).toMatchObject({ status: 400, body: '{"error":"订单ID格式错误"}' });
    }
  });

  test("minishop 9.6 an escaped slash in an order id is the 404 text", async () => {
    const { send } = await startShop({ native: found });
    expect(await send("GET /api/v1/orders/a%2Fb")).toMatchObject({ status: 404, body: "404 page not found" });
  });

  test("minishop 1.3 a database failure is 503 with a generic text and a trace id", async () => {
    const { send } = await startShop({
      native: {
        lookupOrder: async () => {
          throw fail("STORE_UNAVAILABLE", { cause: new Error("SELECT secret") });
        },
      },
    });
    const { status, headers, body } = await send(`GET ${order}`);
    expect(status).toBe(503);
    expect(body).toBe(`{"error":"系统错误，请稍后重试 (trace_id: ${headers["x-request-id"]})"}`);
  });
});

describe("minishop 1.3 O3", () => {
  const native = { ...found, updateOrderStatus: async () => ({}) };

  test("minishop 1.4 O3 hands status and remark on and answers without data", async () => {
    const { send, calls } = await startShop({ native });
    const answer = await send(`PUT ${order}/status`, { body: '{"status":"paid","remark":"card"}' });
    expect(answer).toMatchObject({ status: 200, body: '{"code":0,"msg":"更新成功"}' });
    expect(calls[1]).toMatchObject({
      method: "updateOrderStatus",
      request: { orderId: "ord_1", status: OrderStatus.PAID, remark: "card" },
    });
  });

  test.each([
    ["missing", undefined],
    ["no JSON", "{status"],
    ["null", "null"],
    ["without a status", "{}"],
    ["with an empty status", '{"status":""}'],
    ["with a status that is no string", '{"status":1}'],
    ["with an unknown status", '{"status":"banana"}'],
    ["with a status of more than 20 characters", `{"status":"${"x".repeat(21)}"}`],
    ["with NUL", '{"status":"paid\\u0000"}'],
  ])("minishop 9.4 O3 a body %s is 400 before the order is looked for", async (_name, body) => {
    const { send, calls } = await startShop({ native: noOrder });
    const answer = await send(`PUT ${order}/status`, { body });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toEqual({ error: expect.stringMatching(/^参数错误: ./) });
    expect(calls).toEqual([]);
  });

  test("minishop 1.3 O3 a wrong type is told by the name that the client sent", async () => {
    const { send } = await startShop({ native });
    const answer = await send(`PUT ${order}/status`, { body: '{"status":5}' });
    expect(JSON.parse(answer.body)).toEqual({ error: expect.stringMatching(/^参数错误: status: must be a string/) });
  });

  test("minishop 1.1 O3 keys match in any case, other keys and all after the first value are ignored", async () => {
    const { send } = await startShop({ native });
    const body = '{"STATUS":"paid","order_id":5,"x":[]} trailing';
    expect((await send(`PUT ${order}/status`, { body, headers: { "content-type": "text/xml" } })).status).toBe(200);
  });

  test("minishop 1.3 O3 no such order is 404", async () => {
    const { send } = await startShop({ native: noOrder });
    const answer = await send(`PUT ${order}/status`, { body: '{"status":"paid"}' });
    expect(answer).toMatchObject({ status: 404, body: '{"error":"订单不存在"}' });
  });

  test("minishop 1.3 O3 an illegal transition is 409 and names both", async () => {
    const updateOrderStatus = refusal("ILLEGAL_TRANSITION", { http: 409 }, { from: "expired", to: "paid" });
    const { send } = await startShop({ native: { ...found, updateOrderStatus } });
    const answer = await send(`PUT ${order}/status`, { body: '{"status":"paid"}' });
    expect(answer).toMatchObject({ status: 409, body: '{"error":"订单状态不能从 expired 变更为 paid"}' });
  });
});

describe("minishop 1.3 O4", () => {
  const native = { ...found, cancelOrder: async () => ({}) };

  test("minishop 1.4 O4 stores the reason", async () => {
    const { send, calls } = await startShop({ native });
    const answer = await send(`PUT ${order}/cancel`, { body: '{"reason":"wrong colour"}' });
    expect(answer).toMatchObject({ status: 200, body: '{"code":0,"msg":"取消成功"}' });
    expect(calls[1]).toMatchObject({ method: "cancelOrder", request: { orderId: "ord_1", reason: "wrong colour" } });
  });

  test.each([undefined, "", "{", "null", "[]", '{"reason":1}'])(
    "minishop 1.3 O4 the body %s is no error",
    async (body) => {
      const { send } = await startShop({ native });
      expect((await send(`PUT ${order}/cancel`, { body })).status).toBe(200);
    },
  );

  test.each([
    ["ORDER_ALREADY_CANCELLED", "订单已取消"],
    ["ORDER_ALREADY_COMPLETED", "已完成的订单无法取消"],
  ])("minishop 1.3 O4 %s is 409 with its literal", async (reason, error) => {
    const { send } = await startShop({ native: { ...found, cancelOrder: refusal(reason, { http: 409 }) } });
    expect(await send(`PUT ${order}/cancel`)).toMatchObject({ status: 409, body: JSON.stringify({ error }) });
  });

  test("minishop 1.3 O4 a reason longer than the history keeps is cut, not refused", async () => {
    const { send, calls } = await startShop({ native });
    const answer = await send(`PUT ${order}/cancel`, { body: JSON.stringify({ reason: "晚".repeat(1500) }) });
    expect(answer.status).toBe(200);
    expect(calls[1]).toMatchObject({ request: { reason: "晚".repeat(1000) } });
  });

  test("minishop 1.3 O4 no such order is 404", async () => {
    const { send } = await startShop({ native: noOrder });
    expect(await send(`PUT ${order}/cancel`)).toMatchObject({ status: 404, body: '{"error":"订单不存在"}' });
  });
});

describe("minishop 1.3 O5", () => {
  const native: ShopOptions["native"] = {
    listOrders: async () => ({ orders: [exampleOrder()], totalSize: 1n }),
  };

  test("minishop 1.4 O5 lists a user's orders", async () => {
    const { send, calls } = await startShop({ native });
    const { body } = await send("GET /api/v1/users/7000/orders?page=2&pageSize=3&status=pending");
    expect(JSON.parse(body)).toMatchObject({
      code: 0,
      msg: "获取成功",
      data: { orders: [{ order_id: "SK30017000042", order_items: [{ id: 919 }] }], page: 2, pageSize: 3, total: 1 },
    });
    expect(calls[0]?.request).toMatchObject({
      buyerId: "7000",
      status: OrderStatus.PENDING,
      pageSize: 3,
      skip: 3n,
      includeTotal: true,
    });
  });

  test("minishop 1.3 O5 an empty result is an empty list", async () => {
    const { send } = await startShop({ native: { listOrders: async () => ({ totalSize: 0n }) } });
    expect((await send("GET /api/v1/users/7000/orders")).body).toBe(
      '{"code":0,"data":{"orders":[],"page":1,"pageSize":10,"total":0},"msg":"获取成功"}',
    );
  });

  test("minishop 1.3 O5 an unknown status matches nothing", async () => {
    const { send } = await startShop({ native });
    expect(JSON.parse((await send("GET /api/v1/users/7000/orders?status=banana")).body).data).toMatchObject({
      orders: [],
      total: 0,
    });
  });

  test.each(["%00", "%ff"])("minishop 9.4 O5 the status %s is 400", async (status) => {
    const { send } = await startShop({ native });
    expect((await send(`GET /api/v1/users/7000/orders?status=${status}`)).status).toBe(400);
  });

  test.each(["page=%zz&pageSize=5", "other=%ff&pageSize=5"])(
    "minishop 1.1 O5 drops a parameter that it cannot read: %s",
    async (query) => {
      const { send } = await startShop({ native });
      const { body } = await send(`GET /api/v1/users/7000/orders?${query}`);
      expect(JSON.parse(body).data).toMatchObject({ page: 1, pageSize: 5 });
    },
  );

  test.each(["abc", "-1", "+1", "1.5", "9223372036854775808", "%00", "%ff"])(
    "minishop 1.3 O5 the user id %s is 400",
    async (id) => {
      const { send } = await startShop({ native });
      const answer = await send(`GET /api/v1/users/${id}/orders`);
      expect(answer).toMatchObject({ status: 400, body: '{"error":"用户ID格式错误"}' });
    },
  );

  test.each([
    ["", 1, 10],
    ["?page=%2B2&pageSize=02", 2, 2],
    ["?page=+2", 1, 10],
    ["?page=02", 2, 10],
    ["?page=0&pageSize=0", 1, 10],
    ["?page=-3&pageSize=-3", 1, 10],
    ["?page=x&pageSize=x", 1, 10],
    ["?pageSize=100", 1, 100],
    ["?pageSize=101", 1, 10],
    ["?page=3&page=4", 3, 10],
  ])("minishop 9.3 O5 paging %s is page %i of %i", async (query, page, pageSize) => {
    const { send } = await startShop({ native });
    expect(JSON.parse((await send(`GET /api/v1/users/1/orders${query}`)).body).data).toMatchObject({ page, pageSize });
  });

  test.each([
    ["9223372036854775807", "9223372036854775807"],
    ["99999999999999999999", "9223372036854775807"],
  ])("minishop 9.3 O5 the page %s is echoed as %s", async (page, echoed) => {
    const { send, calls } = await startShop({ native });
    expect((await send(`GET /api/v1/users/1/orders?page=${page}`)).body).toContain(`"page":${echoed},`);
    expect(calls[0]?.request).toMatchObject({ skip: BigInt(Number.MAX_SAFE_INTEGER) });
  });
});

describe("minishop 1.3 O6", () => {
  const native: ShopOptions["native"] = {
    getDailyStats: async ({ date }) => ({ stats: { date, totalAmount: { currency: "CNY", minorUnits: 10249n } } }),
  };

  test("minishop 1.4 O6 tells a day's figures", async () => {
    const stats = {
      number: 12n,
      totalOrders: 3n,
      seckillOrders: 3n,
      paidOrders: 1n,
      totalAmount: { currency: "CNY", minorUnits: 10249n },
      createdAt: at("2030-05-04T00:00:07.1Z"),
      updatedAt: at("2030-05-04T10:00:00.2Z"),
    };
    const { send } = await startShop({ native: { getDailyStats: async () => ({ stats }) } });
    expect((await send("GET /api/v1/stats/orders?date=2030-05-04")).body).toBe(
      '{"code":0,"data":{"id":12,"date":"2030-05-04T00:00:00Z","total_orders":3,"seckill_orders":3,"paid_orders":1,' +
        '"cancelled_orders":0,"total_amount":102.49,"created_at":"2030-05-04T00:00:07.1Z",' +
        '"updated_at":"2030-05-04T10:00:00.2Z"},"msg":"获取成功"}',
    );
  });

  test("minishop 1.3 O6 a day without orders has id 0 and zero times", async () => {
    const { send } = await startShop({ native });
    expect((await send("GET /api/v1/stats/orders?date=2030-05-04")).body).toBe(
      '{"code":0,"data":{"id":0,"date":"2030-05-04T00:00:00Z","total_orders":0,"seckill_orders":0,"paid_orders":0,' +
        '"cancelled_orders":0,"total_amount":102.49,"created_at":"0001-01-01T00:00:00Z",' +
        '"updated_at":"0001-01-01T00:00:00Z"},"msg":"获取成功"}',
    );
  });

  test.each(["20010203", "2001-2-3", "2001-02-03"])("minishop 9.5 O6 takes %s", async (date) => {
    const { send } = await startShop({ native });
    const { body } = await send(`GET /api/v1/stats/orders?date=${date}`);
    expect(JSON.parse(body).data.date).toBe("2001-02-03T00:00:00Z");
  });

  test.each(["today", "2001-02-31", "2001-13-01", "01-02-2001", "2001-02-03T00:00:00Z"])(
    "minishop 9.5 O6 the date %s is 400",
    async (date) => {
      const { send } = await startShop({ native });
      expect((await send(`GET /api/v1/stats/orders?date=${date}`)).status).toBe(400);
    },
  );

  test("minishop 1.3 O6 no date is 400", async () => {
    const { send } = await startShop({ native });
    expect(await send("GET /api/v1/stats/orders")).toMatchObject({ status: 400, body: '{"error":"日期参数不能为空"}' });
  });
});

describe("minishop 1.3 O7 and O8", () => {
  test("minishop 1.4 O7 lists failures", async () => {
    const { send } = await startShop({
      native: { listFailures: async () => ({ failures: [exampleFailure()], totalSize: 1n }) },
    });
    expect((await send("GET /api/v1/failures?status=pending")).body).toBe(
      '{"code":0,"data":{"failures":[{"id":5,"order_id":"SK1","user_id":8,"product_id":3001,' +
        '"failure_type":"TRANSIENT","message_data":"{\\"order_id\\":\\"SK1\\"}","error_msg":"db timeout",' +
        '"retry_count":1,"max_retries":3,"next_retry_at":"2030-05-04T10:00:02Z","status":"pending",' +
        '"created_at":"2030-05-04T10:00:00Z","updated_at":"2030-05-04T10:00:00Z","deleted_at":null}],' +
        '"page":1,"pageSize":10,"total":1},"msg":"获取成功"}',
    );
  });

  test("minishop 9.11 O7 leaves next_retry_at out when there is none", async () => {
    const failure = exampleFailure({ nextRetryAt: undefined });
    const { send } = await startShop({
      native: { listFailures: async () => ({ failures: [failure], totalSize: 1n }) },
    });
    expect((await send("GET /api/v1/failures")).body).not.toContain("next_retry_at");
  });

  test("minishop 1.4 O8 retries", async () => {
    const { send, calls } = await startShop({ native: { retryFailure: async () => ({}) } });
    expect(await send("POST /api/v1/failures/5/retry")).toMatchObject({
      status: 200,
      body: '{"code":0,"msg":"重试成功"}',
    });
    expect(calls[0]?.request).toMatchObject({ number: 5n });
  });

  test.each(["x", "-1", "9223372036854775808"])("minishop 1.3 O8 the id %s is 400", async (id) => {
    const { send } = await startShop();
    const answer = await send(`POST /api/v1/failures/${id}/retry`);
    expect(answer).toMatchObject({ status: 400, body: '{"error":"失败记录ID格式错误"}' });
  });

  test.each([
    ["FAILURE_NOT_FOUND", { code: Code.NotFound }, {}, 404, "失败记录不存在"],
    ["FAILURE_RESOLVED", { http: 409 }, {}, 409, "该记录已处理成功"],
    ["FAILURE_IN_PROGRESS", { code: Code.Aborted, retryable: true }, {}, 409, "该记录正在处理中"],
  ])("minishop 1.3 O8 %s %o %o is %i", async (reason, spec, metadata, status, error) => {
    const { send } = await startShop({ native: { retryFailure: refusal(reason, spec, metadata) } });
    expect(await send("POST /api/v1/failures/5/retry")).toMatchObject({ status, body: JSON.stringify({ error }) });
  });

  test.each([
    ["CONFLICT", 422],
    ["TRANSIENT", 502],
  ])("minishop 1.3 O8 the retry itself fails by %s: %i", async (failureType, status) => {
    const native = {
      retryFailure: refusal("FAILURE_RETRY_FAILED", { http: 422 }),
      getFailure: async () => ({ failure: exampleFailure({ failureType }) }),
    };
    const { send } = await startShop({ native });
    expect(await send("POST /api/v1/failures/5/retry")).toMatchObject({
      status,
      body: '{"error":"重试失败: db timeout"}',
    });
  });

  test("minishop 1.3 O8 the id 0 names no failure", async () => {
    const { send } = await startShop();
    expect(await send("POST /api/v1/failures/0/retry")).toMatchObject({
      status: 404,
      body: '{"error":"失败记录不存在"}',
    });
  });
});
