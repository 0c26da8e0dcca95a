import { describe, expect, test } from "vitest";
import { type PurchaseRequests, requests, type Told } from "./purchase-requests.ts";

const options: PurchaseRequests = { front: "RPC", activityId: "act_1", buyers: "a-" };
const answer = (status: number, body: string) => ({ status, body: Buffer.from(body) });

describe("purchases", () => {
  test("over RPC name the activity in the message", () => {
    const { path, body } = requests(options).next();
    expect(path).toBe("/ordermesh.order.v1.SeckillService/Purchase");
    expect(JSON.parse(String(body))).toEqual({ activityId: "act_1", buyerId: "a-1", quantity: "1" });
  });

  test("over REST name it in the path", () => {
    const { path, body } = requests({ ...options, front: "REST" }).next();
    expect(path).toBe("/v1/seckill/activities/act_1:purchase");
    expect(JSON.parse(String(body))).toEqual({ buyerId: "a-1", quantity: "1" });
  });

  test("have a buyer of their own each", () => {
    const source = requests(options);
    expect(String(source.next().body)).not.toBe(String(source.next().body));
  });

  test("carry the credentials that they are given", () => {
    expect(requests({ ...options, authorization: "Bearer x" }).next().headers).toMatchObject({
      authorization: "Bearer x",
    });
  });
});

describe("what buyers were told", () => {
  test.each([
    ["RPC", '{"reservation":{"quantity":"1","orderId":"ord_7","externalOrderId":"SK7"}}'],
    ["REST", '{"orderId":"ord_7","externalOrderId":"SK7"}'],
  ] as const)("a yes over %s has its order and its time", (front, body) => {
    const source = requests({ ...options, front });
    const before = performance.timeOrigin + performance.now();
    source.answered?.(source.next(), answer(200, body));
    const told = source.summary?.() as Told | undefined;
    expect(told).toEqual({ yes: [["ord_7", expect.any(Number)]], refused: {} });
    expect((told?.yes[0]?.[1] ?? 0) - before).toSatisfy((ms: number) => ms >= 0 && ms < 1000);
  });

  test("refusals are counted by their message", () => {
    const source = requests(options);
    const refusal = '{"code":"failed_precondition","message":"not enough stock"}';
    for (const body of [refusal, refusal, "no JSON"]) source.answered?.(source.next(), answer(400, body));
    expect(source.summary?.()).toEqual({ yes: [], refused: { "not enough stock": 2, "status 400": 1 } });
  });
});
