import type { IncomingMessage, ServerResponse } from "node:http";
import { gatewayOptions, legacySurfaces } from "@ordermesh/gateway/config.ts";
import { createGateway, type Gateway } from "@ordermesh/gateway/index.ts";
import { nativeServices } from "@ordermesh/gateway/native-services.ts";
import { orderOptions } from "@ordermesh/order/config.ts";
import { createOrderService, publishableSubjects } from "@ordermesh/order/index.ts";
import { createAuthenticator } from "@ordermesh/runtime/auth/authenticator.ts";
import { browserGuard } from "@ordermesh/runtime/auth/browser-guard.ts";
import { ConfigError } from "@ordermesh/runtime/config/config-error.ts";
import { printConfig } from "@ordermesh/runtime/config/print-config.ts";
import { loadRuntimeConfig } from "@ordermesh/runtime/config/runtime-config.ts";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { deadLetterStream } from "@ordermesh/runtime/events/dead-letters.ts";
import { eventAdmin } from "@ordermesh/runtime/events/event-admin.ts";
import { openBus } from "@ordermesh/runtime/events/open-bus.ts";
import { compactHeap } from "@ordermesh/runtime/lifecycle/compact-heap.ts";
import { openDataDir } from "@ordermesh/runtime/lifecycle/data-dir.ts";
import { createHealthEndpoints } from "@ordermesh/runtime/lifecycle/health-endpoints.ts";
import { createLifecycle, type Part } from "@ordermesh/runtime/lifecycle/lifecycle.ts";
import { createReadiness } from "@ordermesh/runtime/lifecycle/readiness.ts";
import { exitWithFailure, runProcess } from "@ordermesh/runtime/lifecycle/run-process.ts";
import type { Caller } from "@ordermesh/runtime/rpc/caller.ts";
import { forwardTo } from "@ordermesh/runtime/rpc/forward.ts";
import { createHealth } from "@ordermesh/runtime/rpc/health.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { createReflection } from "@ordermesh/runtime/rpc/reflection.ts";
import { refuse } from "@ordermesh/runtime/rpc/refusal.ts";
import { createRegistry, type Registry } from "@ordermesh/runtime/rpc/registry.ts";
import { remoteHealth } from "@ordermesh/runtime/rpc/remote-health.ts";
import { createServer } from "@ordermesh/runtime/rpc/server.ts";
import type { ServiceBinding } from "@ordermesh/runtime/rpc/service.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";
import { createMetrics } from "@ordermesh/runtime/telemetry/metrics.ts";
import { createRpcTelemetry } from "@ordermesh/runtime/telemetry/rpc-telemetry.ts";
import { createTracing } from "@ordermesh/runtime/telemetry/tracing.ts";
import { type Arguments, parseArguments, usage } from "./arguments.ts";

const dayMs = 86_400_000;
const options = { ...gatewayOptions, ...orderOptions };

/** Starts what the arguments name in this one process, and runs until a signal. */
async function main(): Promise<void> {
  const args = parseArguments(process.argv.slice(2));
  if (args.help) return void process.stdout.write(usage);
  const config = loadRuntimeConfig(process.env, { surfaces: legacySurfaces, extra: options });
  if (args.printConfig) return void process.stdout.write(printConfig(config.definition, config.values));
  await start(args, config);
}

type Config = ReturnType<typeof loadRuntimeConfig<typeof options>>;

async function start({ roles }: Arguments, config: Config): Promise<void> {
  const { values } = config;
  const log = createLogger({ service: "ordermesh", level: values.LOG_LEVEL, format: values.LOG_FORMAT });
  const metrics = createMetrics();
  const readiness = createReadiness();
  const lifecycle = createLifecycle({
    log,
    readiness,
    drainTimeoutMs: values.DRAIN_TIMEOUT_MS,
    drainDelayMs: values.DRAIN_DELAY_MS,
  });
  const tracing = await createTracing({
    service: "ordermesh",
    endpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT,
    sampleRatio: values.OTEL_TRACES_SAMPLER_ARG,
  });
  lifecycle.add({ name: "tracing", stop: () => tracing.close() });

  const bindings: ServiceBinding[] = [];
  if (roles.has("order")) {
    const services = await createServices();
    bindings.push(...services.bindings);
    for (const part of services.parts) lifecycle.add(part);
  }
  const remote = roles.has("order") ? undefined : await openRemote();
  if (remote !== undefined) {
    readiness.add("order service", remoteHealth(remote));
    bindings.push(...nativeServices.map((service) => forwardTo(service, remote)));
  }
  const registry = createOwnRegistry(bindings);
  const caller = remote ?? localCaller(registry, "rest");
  const gateway = roles.has("gateway")
    ? createGateway({ config, caller, readiness, log, metrics, tracing })
    : undefined;
  const url = addServers(registry, gateway);

  // Early: the ready line is the last that a start prints.
  if (config.auth === "open") {
    log.warn("AUTH is open: every request from this machine acts as the local administrator");
  }
  await runProcess(lifecycle, {
    log,
    onReady: () => {
      compactHeap();
      process.stdout.write(`ready ${url()}\n`);
    },
  });

  /** The services with what they stand on: data directory, bus, databases. */
  async function createServices(): Promise<{ bindings: readonly ServiceBinding[]; parts: readonly Part[] }> {
    const parts: Part[] = [];
    // Where database and bus are servers, several processes may run here, and nothing is kept in the directory.
    const isLocal = values.DATABASE_URL === undefined || values.NATS_URL === undefined;
    if (isLocal) {
      const dataDir = openDataDir(values.DATA_DIR);
      parts.push({ name: "data directory", stop: () => dataDir.release() });
    }
    const bus = await openBus({ natsUrl: values.NATS_URL, dataDir: values.DATA_DIR, log });
    parts.push({ name: "bus", stop: () => bus.close() });
    await bus.ensureStream({ ...deadLetterStream, maxAgeMs: values.DEAD_LETTER_RETENTION_DAYS * dayMs });
    readiness.add("bus", () => bus.check());
    const order = await createOrderService({ config, bus, dataDir: values.DATA_DIR, readiness, log });
    return {
      bindings: [...order.bindings, eventAdmin(bus, { publishable: publishableSubjects })],
      parts: [...parts, ...order.parts],
    };
  }

  function createOwnRegistry(own: readonly ServiceBinding[]): Registry {
    const health = createHealth(
      readiness,
      own.map(({ service }) => service),
    );
    const served = [...own, health];
    const reflection = createReflection(served.map(({ service }) => service));
    return createRegistry({
      bindings: [...served, ...reflection],
      authenticate: createAuthenticator({ mode: config.auth, jwt: config.jwt }),
      observe: createRpcTelemetry({ metrics, tracing, log }),
      tracing,
      log,
      defaultTimeoutMs: values.DEFAULT_TIMEOUT_MS,
      maximumTimeoutMs: values.MAX_TIMEOUT_MS,
    });
  }

  /** Reaches the services in the process that runs them. */
  async function openRemote(): Promise<Caller> {
    if (values.ORDER_URL === undefined) {
      const allowed = `allowed: ${config.definition.ORDER_URL?.schema.description}`;
      throw new ConfigError([
        { name: "ORDER_URL", what: "is unset, and this process does not run the order service", allowed },
      ]);
    }
    // Loaded where it is used: an embedded instance is to stay small.
    const { connectCaller } = await import("@ordermesh/runtime/rpc/connect-caller.ts");
    const caller = connectCaller({ baseUrl: values.ORDER_URL, defaultTimeoutMs: values.DEFAULT_TIMEOUT_MS });
    lifecycle.add({ name: "order client", stop: () => caller.close() });
    return caller;
  }

  /** The one port, and those of surfaces that have their own. Returns where the one port is, once it listens. */
  function addServers(registry: Registry, gateway: Gateway | undefined): () => string {
    const limits = { messageBytes: values.MAX_REQUEST_BYTES };
    const guard = config.auth === "open" ? browserGuard : undefined;
    // Parts that stop after the servers need some of the time, too.
    const closeMs = values.DRAIN_TIMEOUT_MS * 0.8;

    for (const { surface, port, handle } of gateway?.ownPorts ?? []) {
      const server = createServer({ fallback: handle, guard, log, limits });
      lifecycle.add({
        name: `port of ${surface}`,
        start: async () => {
          const { url } = await server.listen({ host: values.HOST, port });
          log.info({ surface, url }, "listening");
        },
        stop: () => closeServer(server),
      });
    }
    const endpoints = createHealthEndpoints({ readiness, metrics });
    const shared = createServer({ registry, guard, log, limits, fallback });
    let url = "";
    lifecycle.add({
      name: "port",
      start: async () => {
        ({ url } = await shared.listen({ host: values.HOST, port: values.PORT }));
      },
      stop: () => closeServer(shared),
    });
    return () => url;

    async function closeServer(server: ReturnType<typeof createServer>): Promise<void> {
      if (!(await server.close(closeMs))) log.warn("requests were cut off");
    }

    function fallback(request: IncomingMessage, response: ServerResponse): void {
      const answer = endpoints(request.method ?? "GET", (request.url ?? "/").split("?", 1)[0] ?? "/");
      if (answer !== undefined) {
        void answer.then(({ status, headers, body }) => response.writeHead(status, headers).end(body));
      } else if (gateway !== undefined) gateway.handle(request, response);
      else refuse(response, "rest", fail("NOT_FOUND"));
    }
  }
}

main().catch(exitWithFailure);
