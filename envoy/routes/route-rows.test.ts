import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { route, routeConfiguration, virtualHost } from "../builders/route.ts";
import { milliseconds } from "../builders/values.ts";
import { RouteAction_MaxStreamDurationSchema } from "../gen/envoy/config/route/v3/route_components_pb.js";
import { grpcContent, withHeaders } from "../mesh/route-parts.ts";
import { routeRows } from "./route-rows.ts";

function rowOf(made: ReturnType<typeof route>) {
  const [row] = routeRows(routeConfiguration("edge", [virtualHost({ name: "all", domains: ["*"], routes: [made] })]));
  return row;
}

const order = { name: "order", match: { path: { prefix: "/" } }, to: { cluster: "order" } } as const;

describe("a route's timeout", () => {
  test("is its own", () => {
    expect(rowOf(route({ ...order, timeoutMs: 2_500 }))?.timeout).toBe("2.5s");
  });

  test("is how long a stream may last, where there is no other", () => {
    expect(rowOf(bounded(11_000))?.timeout).toBe("11s");
  });

  test("is what a gRPC client asks for, up to a bound", () => {
    expect(rowOf(bounded(11_000, 61_000))?.timeout).toBe("11s or grpc-timeout to 61s");
    expect(rowOf(bounded(0, 0))?.timeout).toBe("none or grpc-timeout");
  });

  test("is none without any of them", () => {
    expect(rowOf(route({ ...order, timeoutMs: 0 }))?.timeout).toBe("none");
  });
});

test("a header of which the beginning counts says so", () => {
  expect(rowOf(withHeaders(route(order), [grpcContent()]))?.match).toBe("/* content-type=application/grpc*");
});

function bounded(longestMs: number, askedMs?: number) {
  const made = route({ ...order, timeoutMs: 0 });
  if (made.action.case !== "route") throw new Error("no route");
  made.action.value.maxStreamDuration = create(RouteAction_MaxStreamDurationSchema, {
    maxStreamDuration: milliseconds(longestMs),
    grpcTimeoutHeaderMax: askedMs === undefined ? undefined : milliseconds(askedMs),
  });
  return made;
}
