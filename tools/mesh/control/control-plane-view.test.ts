import { expect, test } from "vitest";
import { lastNackOf } from "./control-plane-view.ts";

const typeUrl = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
const rejection = { version: "b", reason: "regex too large", rejectedTime: "2026-11-21T10:46:15Z" };

test("a refused version that still stands is told with its reason", () => {
  const types = [{ typeUrl, sentVersion: "b", ackedVersion: "a", rejection }];
  expect(lastNackOf([{ nodeId: "envoy", types }])).toEqual({
    proxy: "envoy",
    type: "RouteConfiguration",
    version: "b",
    reason: "regex too large",
    time: "2026-11-21T10:46:15Z",
  });
});

test("a refusal is over once a later version was taken", () => {
  const types = [{ typeUrl, sentVersion: "c", ackedVersion: "c", rejection }];
  expect(lastNackOf([{ nodeId: "envoy", types }])).toBeUndefined();
});

test("of several refusals the youngest counts", () => {
  const types = ["2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z", "2026-11-21T09:00:00Z"].map((rejectedTime) => ({
    typeUrl,
    sentVersion: "b",
    rejection: { ...rejection, rejectedTime },
  }));
  expect(lastNackOf([{ nodeId: "envoy", types }])?.time).toBe("2026-11-21T11:00:00Z");
});
