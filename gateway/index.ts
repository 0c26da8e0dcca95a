import type { IncomingMessage, ServerResponse } from "node:http";
import { createAuthenticator } from "@ordermesh/runtime/auth/authenticator.ts";
import { createJwtVerifier } from "@ordermesh/runtime/auth/jwt.ts";
import { createSurfaceAuthenticator } from "@ordermesh/runtime/auth/surface-auth.ts";
import type { RuntimeConfig } from "@ordermesh/runtime/config/runtime-config.ts";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { ReadinessSource } from "@ordermesh/runtime/lifecycle/readiness.ts";
import type { Caller } from "@ordermesh/runtime/rpc/caller.ts";
import type { Logger } from "@ordermesh/runtime/telemetry/logger.ts";
import type { Metrics } from "@ordermesh/runtime/telemetry/metrics.ts";
import type { Tracing } from "@ordermesh/runtime/telemetry/tracing.ts";
import { type gatewayOptions, type LegacySurface, legacySurfaces } from "./config.ts";
import { createHomePage, type HomeLink } from "./home-page.ts";
import { shownServices } from "./native-services.ts";
import { createRestTelemetry } from "./rest-telemetry.ts";
import { createMiniShopSurface } from "./surfaces/minishop/index.ts";
import { createOldGateway } from "./surfaces/minishop/old-gateway.ts";
import { createNativeSurface } from "./surfaces/native/index.ts";
import { createOrderTrackerSurface } from "./surfaces/ordertracker/index.ts";
import type { RestRequest } from "./transcoder/rest-request.ts";
import { nativeSurfaceName, type Surface } from "./transcoder/surface.ts";
import { createTranscoder, type Transcoder } from "./transcoder/transcoder.ts";
import { trustedProxies } from "./transcoder/trusted-proxies.ts";

export interface GatewayOptions {
  readonly config: RuntimeConfig<typeof gatewayOptions>;
  /** Reaches the services, in this process or another. */
  readonly caller: Caller;
  readonly readiness: ReadinessSource;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracing: Pick<Tracing, "begin">;
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/** A surface that has a port of its own. */
export interface OwnPort {
  readonly surface: string;
  readonly port: number;
  readonly handle: Handle;
}

export interface Gateway {
  /** Every surface, and `GET /`. */
  readonly handle: Handle;
  readonly ownPorts: readonly OwnPort[];
}

/** REST for the native API and for each legacy system. Throws when the annotations of the protos contradict each other. */
export function createGateway(options: GatewayOptions): Gateway {
  const { config, caller, log, metrics, tracing } = options;
  const legacy: readonly Surface[] = legacySurfacesOf(options);
  const authenticate = createSurfaceGate(config);
  const observe = createRestTelemetry(metrics);
  const { MAX_REQUEST_BYTES: maxBodyBytes, DEFAULT_TIMEOUT_MS: defaultTimeoutMs } = config.values;
  const proxies = trustedProxies(config.values.TRUSTED_PROXIES);

  function transcoder(surfaces: readonly Surface[], alone: boolean): Transcoder {
    const limits = { maxBodyBytes, defaultTimeoutMs };
    return createTranscoder({ surfaces, alone, caller, authenticate, ...limits, proxies, log, tracing, observe });
  }

  function ownPort(surface: string, port: number | undefined, make: () => Transcoder): readonly OwnPort[] {
    if (port === undefined) return [];
    const own = make();
    return [{ surface, port, handle: (request, response) => void own.handle(request, response) }];
  }

  const shared = transcoder([createNativeSurface(shownServices(config)), ...legacy], false);
  const homePage = createHomePage([...operationalLinks, ...legacy.map(linkTo)]);
  return {
    handle(request, response) {
      if (!homePage(request, response)) void shared.handle(request, response);
    },
    ownPorts: [
      ...legacy.flatMap((surface) =>
        ownPort(surface.name, config.surfaces[surface.name]?.port, () => transcoder([surface], true)),
      ),
      ...ownPort("minishop gateway", config.values.SURFACE_MINISHOP_GATEWAY_PORT, () =>
        transcoder(oldGatewayOf(options), false),
      ),
    ],
  };
}

/** Each legacy system by its name, as in `SURFACE_<NAME>_...`. */
export function legacySurfacesOf(options: Pick<GatewayOptions, "config" | "caller" | "readiness">): readonly Surface[] {
  const { config, caller, readiness } = options;
  const make: Readonly<Record<LegacySurface, (currency: string) => Surface>> = {
    ordertracker: (currency) => createOrderTrackerSurface({ caller, currency }),
    minishop: (currency) => createMiniShopSurface({ caller, currency, readiness }),
  };
  return legacySurfaces.map((name) => make[name](currencyOf(config, name)));
}

function oldGatewayOf({ config, caller, readiness }: GatewayOptions): readonly Surface[] {
  const origins = config.values.SURFACE_MINISHOP_GATEWAY_ORIGINS;
  return createOldGateway({ caller, currency: currencyOf(config, "minishop"), readiness, origins });
}

function currencyOf({ surfaces }: RuntimeConfig, name: LegacySurface): string {
  const surface = surfaces[name];
  if (surface === undefined) throw new Error(`surface ${name} has no configuration`);
  return surface.currency;
}

const operationalLinks: readonly HomeLink[] = [
  { path: "/healthz", what: "alive" },
  { path: "/readyz", what: "ready, or why not" },
  { path: "/metrics", what: "Prometheus metrics" },
];

function linkTo(surface: Surface): HomeLink {
  return { path: surface.routing.prefixes[0] ?? "/", what: `the ${surface.name} surface` };
}

/** Who calls, by the rule of the surface that answers. */
function createSurfaceGate({ auth, jwt, surfaces }: RuntimeConfig) {
  const verifyToken = jwt === undefined ? undefined : createJwtVerifier(jwt);
  const gates = new Map([[nativeSurfaceName, createAuthenticator({ mode: auth, jwt })]]);
  for (const [surface, { rule, apiKeys, seesPersonalData }] of Object.entries(surfaces)) {
    gates.set(surface, createSurfaceAuthenticator({ surface, rule, verifyToken, apiKeys, seesPersonalData }));
  }
  return ({ surface, header }: RestRequest) => {
    const gate = gates.get(surface);
    if (gate === undefined) throw fail("UNAUTHENTICATED");
    return gate(header);
  };
}
