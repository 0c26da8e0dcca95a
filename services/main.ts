import { gatewayOptions, legacySurfaces } from "@ordermesh/gateway/config.ts";
import { createGateway, type Gateway } from "@ordermesh/gateway/index.ts";
import { shownServices } from "@ordermesh/gateway/native-services.ts";
import { meshOptions } from "@ordermesh/mesh/config.ts";
import { orderOptions } from "@ordermesh/order/config.ts";
import { createOrderService, publishableSubjects } from "@ordermesh/order/index.ts";
import { createAuthenticator } from "@ordermesh/runtime/auth/authenticator.ts";
import { browserGuard } from "@ordermesh/runtime/auth/browser-guard.ts";
import { createPrincipalTokenVerifier } from "@ordermesh/runtime/auth/service-token.ts";
import { watchSecrets } from "@ordermesh/runtime/auth/watch-secrets.ts";
import { printConfig } from "@ordermesh/runtime/config/print-config.ts";
import { loadRuntimeConfig } from "@ordermesh/runtime/config/runtime-config.ts";
import { deadLetterStream } from "@ordermesh/runtime/events/dead-letters.ts";
import { eventAdmin } from "@ordermesh/runtime/events/event-admin.ts";
import { openBus } from "@ordermesh/runtime/events/open-bus.ts";
import { compactHeap } from "@ordermesh/runtime/lifecycle/compact-heap.ts";
import { openDataDir } from "@ordermesh/runtime/lifecycle/data-dir.ts";
import { createHealthEndpoints } from "@ordermesh/runtime/lifecycle/health-endpoints.ts";
import { createLifecycle, type Part } from "@ordermesh/runtime/lifecycle/lifecycle.ts";
import { createReadiness } from "@ordermesh/runtime/lifecycle/readiness.ts";
import { exitWithFailure, runProcess } from "@ordermesh/runtime/lifecycle/run-process.ts";
import { forwardTo } from "@ordermesh/runtime/rpc/forward.ts";
import { createHealth } from "@ordermesh/runtime/rpc/health.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { createReflection } from "@ordermesh/runtime/rpc/reflection.ts";
import { createRegistry, type Registry } from "@ordermesh/runtime/rpc/registry.ts";
import { remoteHealth } from "@ordermesh/runtime/rpc/remote-health.ts";
import type { ServiceBinding } from "@ordermesh/runtime/rpc/service.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";
import { createMetrics } from "@ordermesh/runtime/telemetry/metrics.ts";
import { createRpcTelemetry } from "@ordermesh/runtime/telemetry/rpc-telemetry.ts";
import { createTracing } from "@ordermesh/runtime/telemetry/tracing.ts";
import { openTlsIdentity } from "@ordermesh/runtime/tls/identity.ts";
import { type Arguments, parseArguments, usage } from "./arguments.ts";
import { createPorts, type Ports } from "./ports.ts";
import { createRegistration, type Registration } from "./registration.ts";
import { openRemote } from "./remote.ts";

const dayMs = 86_400_000;
const options = { ...gatewayOptions, ...orderOptions, ...meshOptions };

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
  const identity = config.tls && (await openTlsIdentity(config.tls.files, { log }));
  if (identity !== undefined) lifecycle.add({ name: "certificates", stop: () => identity.close() });
  const secrets = watchSecrets(config.secretFiles, { log });
  lifecycle.add({ name: "secrets", stop: () => secrets.close() });

  const bindings: ServiceBinding[] = [];
  if (roles.has("order")) {
    const services = await createServices();
    bindings.push(...services.bindings);
    for (const part of services.parts) lifecycle.add(part);
  }
  if (roles.has("mesh")) {
    // Loaded where it is used: nobody else needs Envoy's types.
    const { createMeshRole } = await import("./mesh-role.ts");
    const mesh = await createMeshRole({ config, identity, readiness, metrics, log });
    bindings.push(...mesh.bindings);
    for (const part of mesh.parts) lifecycle.add(part);
  }
  const remote = roles.has("gateway") && !roles.has("order") ? await openRemote(config, identity) : undefined;
  if (remote !== undefined) {
    lifecycle.add({ name: "order client", stop: () => remote.close() });
    readiness.add("order service", remoteHealth(remote));
    const own = new Set(bindings.map(({ service }) => service));
    const others = shownServices(config).filter((service) => !own.has(service));
    bindings.push(...others.map((service) => forwardTo(service, remote)));
  }
  const registry = createOwnRegistry(bindings);
  const caller = remote ?? localCaller(registry, "rest");
  const gateway = roles.has("gateway")
    ? createGateway({ config, caller, readiness, log, metrics, tracing })
    : undefined;
  const ports = addPorts(registry, gateway);
  const registration = addRegistration();

  // Early: the ready line is the last that a start prints.
  if (config.auth === "open") {
    log.warn("AUTH is open: every request from this machine acts as the local administrator");
  }
  await runProcess(lifecycle, {
    log,
    onReady: async () => {
      compactHeap();
      const { url, port } = ports.shared();
      await registration?.register(port);
      process.stdout.write(`ready ${url}\n`);
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
    const bus = await openBus({ natsUrl: values.NATS_URL, tls: config.tls?.files, dataDir: values.DATA_DIR, log });
    parts.push({ name: "bus", stop: () => bus.close() });
    await bus.ensureStream({ ...deadLetterStream, maxAgeMs: values.DEAD_LETTER_RETENTION_DAYS * dayMs });
    readiness.add("bus", () => bus.check());
    const order = await createOrderService({ config, bus, dataDir: values.DATA_DIR, identity, readiness, log });
    return {
      bindings: [...order.bindings, eventAdmin(bus, { publishable: publishableSubjects })],
      parts: [...parts, ...order.parts],
    };
  }

  function createOwnRegistry(own: readonly ServiceBinding[]): Registry {
    const { serviceTokens } = config;
    // A gateway apart takes nobody's word: it gives its own.
    const verifyPrincipalToken =
      serviceTokens === undefined || remote !== undefined ? undefined : createPrincipalTokenVerifier(serviceTokens);
    const health = createHealth(
      readiness,
      own.map(({ service }) => service),
    );
    const served = [...own, health];
    const reflection = createReflection(served.map(({ service }) => service));
    return createRegistry({
      bindings: [...served, ...reflection],
      authenticate: createAuthenticator({ mode: config.auth, jwt: config.jwt, verifyPrincipalToken }),
      observe: createRpcTelemetry({ metrics, tracing, log }),
      tracing,
      log,
      defaultTimeoutMs: values.DEFAULT_TIMEOUT_MS,
      maximumTimeoutMs: values.MAX_TIMEOUT_MS,
    });
  }

  function addPorts(registry: Registry, gateway: Gateway | undefined): Ports {
    const ports = createPorts({
      host: values.HOST,
      port: values.PORT,
      registry,
      endpoints: createHealthEndpoints({ readiness, metrics }),
      rest: gateway?.handle,
      ownPorts: gateway?.ownPorts ?? [],
      guard: config.auth === "open" ? browserGuard : undefined,
      tls: identity && { identity, peers: config.tls?.peers ?? [] },
      limits: { messageBytes: values.MAX_REQUEST_BYTES },
      // Parts that stop after the servers need some of the time, too.
      closeMs: values.DRAIN_TIMEOUT_MS * 0.8,
      log,
    });
    for (const part of ports.parts) lifecycle.add(part);
    return ports;
  }

  /** After the ports: who leaves the registry still serves. */
  function addRegistration(): Registration | undefined {
    if (values.MESH_REGISTRY !== "true" || values.NATS_URL === undefined) return undefined;
    const rpcNames = bindings.map(({ service }) => service.typeName);
    const registration = createRegistration({
      natsUrl: values.NATS_URL,
      tls: config.tls?.files,
      // RPCs go to the service that owns them, never through a gateway.
      services: [...roles].map((name) => ({ name, rpcServices: name === "gateway" ? [] : rpcNames })),
      address: values.ADVERTISE_HOST ?? values.HOST,
      zone: values.INSTANCE_ZONE,
      log,
    });
    lifecycle.add(registration.part);
    return registration;
  }
}

main().catch(exitWithFailure);
