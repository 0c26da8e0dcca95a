import { describe, expect, test } from "vitest";
import { type CorsRule, corsHeaders, corsRuleFor, isBelow } from "./cors.ts";

const any: CorsRule = { prefix: "/api", origin: "*", methods: "GET", headers: "Content-Type" };

describe("CORS", () => {
  test("a prefix covers whole segments", () => {
    expect(isBelow("/api", "/api")).toBe(true);
    expect(isBelow("/api/x", "/api")).toBe(true);
    expect(isBelow("/apis", "/api")).toBe(false);
    expect(isBelow("/x", "/")).toBe(true);
  });

  test("the first rule that covers the path counts", () => {
    const inner = { ...any, prefix: "/api/v1" };
    expect(corsRuleFor([inner, any], "/api/v1/x")).toBe(inner);
    expect(corsRuleFor([inner, any], "/api/v2")).toBe(any);
    expect(corsRuleFor(undefined, "/api")).toBeUndefined();
  });

  test("any origin", () => {
    expect(corsHeaders({ ...any, maxAgeSeconds: 60 }, "https://a.example")).toEqual({
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET",
      "access-control-allow-headers": "Content-Type",
      "access-control-max-age": "60",
    });
  });

  test("a listed origin, told to caches; no other", () => {
    const listed: CorsRule = { ...any, origin: ["https://a.example"], credentials: true };
    expect(corsHeaders(listed, "https://a.example")).toMatchObject({
      "access-control-allow-origin": "https://a.example",
      "access-control-allow-credentials": "true",
      vary: "Origin",
    });
    for (const origin of [undefined, "https://b.example", "null"]) {
      const headers = corsHeaders(listed, origin);
      expect(headers).toMatchObject({ vary: "Origin" });
      expect(headers).not.toHaveProperty("access-control-allow-origin");
      expect(headers).not.toHaveProperty("access-control-allow-credentials");
    }
  });
});
