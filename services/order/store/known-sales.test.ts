import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ActivityRow } from "../domain/activity.ts";
import type { Sales } from "../domain/purchase-decision.ts";
import { KnownSales } from "./known-sales.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

const lamp: ActivityRow = {
  ...{ id: "act_1", productId: "p1", productName: "Lamp", currency: "CNY", priceMinor: 1250, total: 10, free: 10 },
  ...{ reserved: 0, sold: 0, perUserLimit: 0, startsAt: null, endsAt: null, state: 2, openedAt: 1, closedAt: null },
  ...{ label: "", createdAt: 1, updatedAt: 1 },
};
const byId = (activity: ActivityRow): Sales => ({
  byId: new Map([[activity.id, activity]]),
  byProduct: new Map(),
  nowMs: 5000,
});
const target = { activityId: "act_1" };

test("knows what it learned, for a second, by the database's clock", () => {
  const known = new KnownSales();
  expect(known.guess([target])).toBeUndefined();
  known.learn(byId(lamp));
  vi.advanceTimersByTime(1000);
  expect(known.guess([target])).toEqual({ ...byId(lamp), nowMs: 6000 });
  vi.advanceTimersByTime(1);
  expect(known.guess([target])).toBeUndefined();
});

test("learns no time where nothing was found", () => {
  const known = new KnownSales();
  known.learn(byId(lamp));
  known.learn({ byId: new Map(), byProduct: new Map(), nowMs: 0 });
  expect(known.guess([target])?.nowMs).toBe(5000);
});

test("says nothing where one of the sales is unknown", () => {
  const known = new KnownSales();
  known.learn(byId(lamp));
  expect(known.guess([target, { activityId: "act_2" }])).toBeUndefined();
  expect(known.guess([{ productId: "p1" }])).toBeUndefined();
});

test("a product means the sale that was learned for it", () => {
  const known = new KnownSales();
  known.learn({ byId: new Map(), byProduct: new Map([["p1", lamp]]), nowMs: 0 });
  expect(known.guess([{ productId: "p1" }])?.byProduct.get("p1")).toEqual(lamp);
  known.forget("act_1");
  expect(known.guess([{ productId: "p1" }])).toBeUndefined();
});

test("what is left goes down only, in whatever order commits are told", () => {
  const known = new KnownSales();
  known.learn(byId(lamp));
  known.sold("act_1", 4);
  known.sold("act_1", 7);
  known.sold("act_2", 1);
  expect(known.guess([target])?.byId.get("act_1")?.free).toBe(4);
});

test("does not grow with the sales that there ever were", () => {
  const known = new KnownSales();
  for (let index = 0; index <= 1001; index++) known.learn(byId({ ...lamp, id: `act_${index}` }));
  expect(known.guess([{ activityId: "act_0" }])).toBeUndefined();
  expect(known.guess([{ activityId: "act_1001" }])).toBeDefined();
});
