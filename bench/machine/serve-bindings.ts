import { gatewayOptions, legacySurfaces } from "@ordermesh/gateway/config.ts";
import { createGateway } from "@ordermesh/gateway/index.ts";
import { createAuthenticator } from "@ordermesh/runtime/auth/authenticator.ts";
import { browserGuard } from "@ordermesh/runtime/auth/browser-guard.ts";
import { loadRuntimeConfig } from "@ordermesh/runtime/config/runtime-config.ts";
import { createReadiness } from "@ordermesh/runtime/lifecycle/readiness.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { createRegistry } from "@ordermesh/runtime/rpc/registry.ts";
import { createServer } from "@ordermesh/runtime/rpc/server.ts";
import type { ServiceBinding } from "@ordermesh/runtime/rpc/service.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";
import { createMetrics } from "@ordermesh/runtime/telemetry/metrics.ts";
import { createRpcTelemetry } from "@ordermesh/runtime/telemetry/rpc-telemetry.ts";
import { createTracing } from "@ordermesh/runtime/telemetry/tracing.ts";

/**
 * The REST gateway and the RPC server of an embedded instance around these services, composed and configured as
 * services/main.ts does it, with authentication, guard, validation, deadlines and telemetry. Prints the ready line.
 */
export async function serveBindings(bindings: readonly ServiceBinding[]): Promise<void> {
  const config = loadRuntimeConfig(process.env, { surfaces: legacySurfaces, extra: gatewayOptions });
  const { values } = config;
  const log = createLogger({ service: "ordermesh", level: values.LOG_LEVEL, format: values.LOG_FORMAT });
  const metrics = createMetrics();
  const tracing = await createTracing({ service: "ordermesh" });
  const registry = createRegistry({
    bindings,
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
  const guard = config.auth === "open" ? { guard: browserGuard } : {};
  const server = createServer({ registry, ...guard, log, limits, fallback: gateway.handle });
  const { url } = await server.listen({ host: "127.0.0.1", port: 0 });
  process.stdout.write(`ready ${url}\n`);
}
