import type { CorsRule } from "../../transcoder/cors.ts";
import type { RoutingRules } from "../../transcoder/surface.ts";

/** How gin routes (docs/contracts/minishop.md 1.1, 9). */
export const minishopRouting: RoutingRules = {
  prefixes: [
    "/api/v1/order",
    "/api/v1/orders",
    "/api/v1/users",
    "/api/v1/stats",
    "/api/v1/failures",
    "/api/v1/seckill",
    "/api/v1/system",
  ],
  ownPortPaths: ["/health"],
  trailingSlash: "redirect-relative",
  emptySegments: "match",
  encodedSlash: "not-found",
  head: "plain",
  options: "plain",
};

const seckillCors = { origin: "*", methods: "GET, POST, PUT, DELETE, OPTIONS", headers: "Content-Type, Authorization" };

/** The order service sent no CORS headers, the flash-sale service sent them on every reply (9.13). */
export const minishopCors: readonly CorsRule[] = [
  { ...seckillCors, origin: "*", prefix: "/api/v1/seckill" },
  { ...seckillCors, origin: "*", prefix: "/api/v1/system" },
];
