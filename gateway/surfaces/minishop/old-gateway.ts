import { Code } from "@connectrpc/connect";
import { MiniShopGatewayService } from "@ordermesh/proto/compat/minishop/v1/gateway_pb";
import { bindService } from "@ordermesh/runtime/rpc/service.ts";
import type { CorsRule } from "../../transcoder/cors.ts";
import type { Surface } from "../../transcoder/surface.ts";
import { gatewayErrorReply, problemReply, unauthenticatedReply } from "./error-replies.ts";
import { gatewayHandlers } from "./gateway-handlers.ts";
import { createMiniShopSurface, type MiniShopOptions } from "./index.ts";
import { minishopCors, minishopRouting } from "./routing.ts";

export interface OldGatewayOptions extends MiniShopOptions {
  /** Web origins whose pages may read replies. The old gateway let every page in. */
  readonly origins: readonly string[];
}

/**
 * MiniShop's API gateway as its clients knew it (docs/contracts/minishop.md 1.6), for a port of its own: its health and
 * figures, its 401 and 404 bodies, its CORS headers, and behind it both services with all forms of their paths.
 */
export function createOldGateway({ origins, ...options }: OldGatewayOptions): readonly Surface[] {
  const services = createMiniShopSurface(options);
  const behind: Surface = {
    ...services,
    cors: [...minishopCors, gatewayCors(origins)],
    renderError: (error, request) =>
      error.code === Code.Unauthenticated ? unauthenticatedReply(request, true) : services.renderError(error, request),
  };
  const own: Surface = {
    ...behind,
    services: [bindService(MiniShopGatewayService, gatewayHandlers(options.caller))],
    routing: { ...minishopRouting, prefixes: ["/"], ownPortPaths: [], trailingSlash: "not-found" },
    renderProblem: (problem, request) =>
      problem.kind === "not-found" || problem.kind === "method-not-allowed"
        ? gatewayErrorReply({ code: 404, error: "接口不存在", path: request.path })
        : problemReply(problem, request),
  };
  return [own, behind];
}

/** Every header a listed page likes to send: browsers do not take `*` for Authorization, nor with credentials. */
function gatewayCors(origins: readonly string[]): CorsRule {
  return {
    prefix: "/",
    origin: origins,
    methods: "GET, POST, PUT, DELETE, OPTIONS",
    headers:
      "Content-Type, Authorization, Idempotency-Key, X-Api-Key, X-Trace-ID, X-User-ID, timestamp, nonce, signature",
    credentials: true,
    maxAgeSeconds: 86_400,
  };
}
