import type { MiniShopHealthService } from "@ordermesh/proto/compat/minishop/v1/order_pb";
import type { ReadinessSource } from "@ordermesh/runtime/lifecycle/readiness.ts";
import type { ServiceHandlers } from "@ordermesh/runtime/rpc/service.ts";

/** What O1 and S1 tell: whether this process is ready, broker and database included (1.3). */
export type HealthSource = Pick<ReadinessSource, "status">;

/** O1, on MiniShop's own port and behind the old gateway's prefix. */
export function healthHandlers(readiness: HealthSource): ServiceHandlers<typeof MiniShopHealthService> {
  const health = async () =>
    readiness.status() === "SERVING"
      ? { msg: "服务正常", status: "healthy" }
      : { msg: "服务异常", status: "unhealthy", httpStatus: 503 };
  return { checkHealth: health, checkHealthBehindGateway: health };
}
