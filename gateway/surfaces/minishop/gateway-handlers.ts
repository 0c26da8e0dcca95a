import type { DescService, MessageInitShape } from "@bufbuild/protobuf";
import type { MiniShopGatewayService, ServiceHealthSchema } from "@ordermesh/proto/compat/minishop/v1/gateway_pb";
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from "@ordermesh/proto/grpc/health/v1/health_pb";
import { OrderService } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { SeckillService } from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import { type Caller, createClient } from "@ordermesh/runtime/rpc/caller.ts";
import type { ServiceHandlers } from "@ordermesh/runtime/rpc/service.ts";
import { relay } from "../../transcoder/relay.ts";

/** The old services that we are, what answers for them, and where: paths, for addresses inside are nobody's business. */
const backends: Readonly<Record<string, { readonly service: DescService; readonly url: string }>> = {
  order: { service: OrderService, url: "/api/v1/order" },
  seckill: { service: SeckillService, url: "/api/v1/seckill" },
};

/** As long as the old gateway waited for each. */
const probeTimeoutMs = 5_000;

/** The old gateway's `/health` and `/stats` (docs/contracts/minishop.md 1.6). */
export function gatewayHandlers(caller: Caller): ServiceHandlers<typeof MiniShopGatewayService> {
  const health = createClient(Health, caller);

  return {
    async checkServices() {
      const probes = Object.entries(backends).map(async ([name, { service, url }]) => {
        return [name, await probe(service.typeName, url)] as const;
      });
      const services = await Promise.all(probes);
      const healthy = services.filter(([, { statusCode }]) => statusCode === 200).length;
      const total = services.length;
      return {
        ...verdict(healthy, total),
        services: Object.fromEntries(services),
        summary: { healthyServices: healthy, totalServices: total },
      };
    },

    async getGatewayStats(_request, context) {
      const { message } = await relay(caller, context).unary(SeckillService.method.getPurchaseStats, {});
      const services = Object.fromEntries(Object.entries(backends).map(([name, { url }]) => [name, url]));
      const limiter = { tokens: message.freePlaces, waiting: message.waitingCount };
      return { code: 0, data: { limiter, services }, msg: "获取成功" };
    },
  };

  async function probe(service: string, url: string): Promise<MessageInitShape<typeof ServiceHealthSchema>> {
    const startedAt = performance.now();
    const outcome = await ask(service);
    const duration = `${Number((performance.now() - startedAt).toFixed(6))}ms`;
    if (outcome === undefined) return { duration, status: "healthy", statusCode: 200, url };
    return { duration, error: outcome, status: "unhealthy", statusCode: 503 };
  }

  /** Undefined: it serves; else why not. */
  async function ask(service: string): Promise<string | undefined> {
    try {
      const { status } = await health.check({ service }, { deadline: Date.now() + probeTimeoutMs });
      return status === ServingStatus.SERVING ? undefined : "it is not ready";
    } catch {
      return "it does not answer";
    }
  }
}

function verdict(healthy: number, total: number) {
  if (healthy === total) return { status: "healthy", message: "所有服务正常", httpStatus: 200 };
  if (healthy > 0) return { status: "degraded", message: "部分服务异常", httpStatus: 206 };
  return { status: "critical", message: "所有服务异常", httpStatus: 503 };
}
