import { loadRuntimeConfig } from "@ordermesh/runtime/config/runtime-config.ts";
import { describe, expect, test } from "vitest";
import { gatewayOptions, legacySurfaces } from "./config.ts";
import { edgeRoutes } from "./edge-routes.ts";

const { routes, prefixes } = edgeRoutes(loadRuntimeConfig({}, { surfaces: legacySurfaces, extra: gatewayOptions }));

function find(method: string, path: string) {
  return routes.find((route) => route.method === method && route.path === path);
}

describe("edgeRoutes", () => {
  test("a variable is one segment, a verb stays", () => {
    expect(find("POST", "/v1/orders/*:cancel")).toMatchObject({ surface: "native", idempotent: false });
  });

  test("what the proto calls free of side effects may be repeated", () => {
    expect(find("GET", "/v1/orders/*")).toMatchObject({ idempotent: true, isPublic: false });
  });

  test("aliases are paths of their own", () => {
    expect(find("GET", "/api/v1/order/orders/*")).toMatchObject({ surface: "minishop" });
  });

  test("a public method is public on every surface", () => {
    expect(find("GET", "/api/v1/system/health")).toMatchObject({ surface: "minishop", isPublic: true });
  });

  test("paths of a port of its own are none of the edge", () => {
    expect(find("GET", "/health")).toBeUndefined();
  });

  test("the control plane's service is among them", () => {
    expect(find("GET", "/v1/mesh/instances")).toMatchObject({ surface: "native", idempotent: true });
  });

  test("legacy surfaces name the prefixes below which they answer", () => {
    expect(prefixes).toContainEqual({ surface: "ordertracker", prefix: "/product" });
  });
});
