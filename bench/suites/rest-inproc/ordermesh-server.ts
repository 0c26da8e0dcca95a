// The REST gateway and the RPC server of an embedded instance around handlers without I/O: as services/main.ts
// composes them, with its authentication, guard, validation, deadlines and telemetry.
import { gatewayOptions, legacySurfaces } from "@ordermesh/gateway/config.ts";
import { createGateway } from "@ordermesh/gateway/index.ts";
import { OrderService } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { createAuthenticator } from "@ordermesh/runtime/auth/authenticator.ts";
import { browserGuard } from "@ordermesh/runtime/auth/browser-guard.ts";
import { loadRuntimeConfig } from "@ordermesh/runtime/config/runtime-config.ts";
import { createReadiness } from "@ordermesh/runtime/lifecycle/readiness.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { createRegistry } from "@ordermesh/runtime/rpc/registry.ts";
import { createServer } from "@ordermesh/runtime/rpc/server.ts";
import { bindService } from "@ordermesh/runtime/rpc/service.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";
import { createMetrics } from "@ordermesh/runtime/telemetry/metrics.ts";
import { createRpcTelemetry } from "@ordermesh/runtime/telemetry/rpc-telemetry.ts";
import { createTracing } from "@ordermesh/runtime/telemetry/tracing.ts";
import { orderHandlers } from "./order-handlers.ts";

const config = loadRuntimeConfig(process.env, { surfaces: legacySurfaces, extra: gatewayOptions });
const { values } = config;
const log = createLogger({ service: "ordermesh", level: values.LOG_LEVEL, format: values.LOG_FORMAT });
const metrics = createMetrics();
const tracing = await createTracing({ service: "ordermesh" });
const registry = createRegistry({
  bindings: [bindService(OrderService, orderHandlers)],
  authenticate: createAuthenticator({ mode: config.auth, jwt: config.jwt }),
  observe: createRpcTelemetry({ metrics, tracing, log }),
  tracing,
  log,
  defaultTimeoutMs: values.DEFAULT_TIMEOUT_MS,
  maximumTimeoutMs: values.MAX_TIMEOUT_MS,
});
const caller = localCaller(registry, "rest");
const gateway = createGateway({ config, caller, readiness: createReadiness(), log, metrics, tracing });
const limits = { messageBytes: values.MAX_REQUEST_BYTES };
const server = createServer({ registry, guard: browserGuard, log, limits, fallback: gateway.handle });
const { url } = await server.listen({ host: "127.0.0.1", port: 0 });
process.stdout.write(`ready ${url}\n`);
