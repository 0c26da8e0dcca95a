import type { ApiKey } from "../auth/api-keys.ts";
import type { AuthMode } from "../auth/authenticator.ts";
import type { JwtOptions } from "../auth/jwt.ts";
import { SecretRing } from "../auth/secret-ring.ts";
import type { SurfaceRule } from "../auth/surface-auth.ts";
import type { WatchedSecret } from "../auth/watch-secrets.ts";
import type { TlsFiles } from "../tls/identity.ts";
import { loadConfig } from "./load-config.ts";
import type { ConfigDefinition, ConfigValues, Option } from "./option.ts";
import { authMode, isEmbedded, jwtOptions } from "./runtime-auth.ts";
import {
  type RuntimeValues,
  runtimeOptions,
  surfaceOptions,
  surfaceValues,
  surfaceVariable,
} from "./runtime-options.ts";
import { runtimeRules } from "./runtime-rules.ts";

/** How one legacy surface is served. */
export interface SurfaceConfig {
  readonly rule: SurfaceRule;
  readonly apiKeys: readonly ApiKey[];
  readonly seesPersonalData: boolean;
  readonly currency: string;
  /** Its own port, besides the shared one. */
  readonly port: number | undefined;
}

/** Certificates and who may call. */
export interface TlsConfig {
  readonly files: TlsFiles;
  /** Names in their certificates (`tls/peer-name.ts`). */
  readonly peers: readonly string[];
}

export interface RuntimeConfig<E extends ConfigDefinition = Record<never, never>> {
  /** Every option by its variable's name; AUTH and LOG_FORMAT as they are in effect. */
  readonly values: RuntimeValues &
    ConfigValues<E> & { readonly AUTH: AuthMode; readonly LOG_FORMAT: "pretty" | "json" };
  /** No database server and no broker: everything in DATA_DIR. */
  readonly embedded: boolean;
  readonly auth: AuthMode;
  /** Undefined where no keys are configured. */
  readonly jwt: JwtOptions | undefined;
  /** What the gateway signs with and services verify with, for whom it calls (`auth/service-token.ts`). */
  readonly serviceTokens: SecretRing | undefined;
  /** Secrets that stand in files: to be read again when those change. */
  readonly secretFiles: readonly WatchedSecret[];
  /** For the port, for calls that this process makes, and for its connections to NATS and to the database. */
  readonly tls: TlsConfig | undefined;
  readonly surfaces: Readonly<Record<string, SurfaceConfig>>;
  /** For `printConfig`, with `values`. */
  readonly definition: ConfigDefinition;
}

/** All options of a process that serves these surfaces; `["<NAME>"]` gives the documentation's form. */
export function runtimeDefinition(surfaces: readonly string[]): typeof runtimeOptions & ConfigDefinition {
  const ofSurfaces: Record<string, Option<unknown>> = {};
  for (const surface of surfaces) {
    for (const [name, option] of Object.entries(surfaceOptions)) ofSurfaces[surfaceVariable(surface, name)] = option;
  }
  return { ...runtimeOptions, ...ofSurfaces };
}

/**
 * The configuration of one process from its environment: the runtime's options, its surfaces' and its services' own
 * (`extra`). Throws ConfigError with all problems.
 */
export function loadRuntimeConfig<const E extends ConfigDefinition = Record<never, never>>(
  env: Readonly<Record<string, string | undefined>>,
  options: { readonly surfaces?: readonly string[]; readonly extra?: E } = {},
): RuntimeConfig<E> {
  const { surfaces = [], extra } = options;
  const definition = { ...runtimeDefinition(surfaces), ...extra };
  const rules = runtimeRules(surfaces);
  const loaded = loadConfig(definition, env, { rules, prefixes: ["SURFACE_"] }) as RuntimeValues & ConfigValues<E>;

  const embedded = isEmbedded(loaded);
  const auth = authMode(loaded);
  const values = Object.freeze({
    ...loaded,
    AUTH: auth,
    LOG_FORMAT: loaded.LOG_FORMAT ?? (embedded ? "pretty" : "json"),
  });
  const jwt = jwtOptions(loaded);
  const serviceTokens =
    loaded.SERVICE_TOKEN_SECRET === undefined ? undefined : new SecretRing(loaded.SERVICE_TOKEN_SECRET);
  return {
    values: values as RuntimeConfig<E>["values"],
    embedded,
    auth,
    jwt,
    serviceTokens,
    secretFiles: [
      ...secretFile("JWT_SECRET", env, jwt !== undefined && "secrets" in jwt.keys ? jwt.keys.secrets : undefined),
      ...secretFile("SERVICE_TOKEN_SECRET", env, serviceTokens),
    ],
    tls: tlsConfig(loaded),
    surfaces: Object.fromEntries(surfaces.map((surface) => [surface, surfaceConfig(loaded, surface)])),
    definition,
  };
}

function secretFile(
  name: "JWT_SECRET" | "SERVICE_TOKEN_SECRET",
  env: Readonly<Record<string, string | undefined>>,
  ring: SecretRing | undefined,
): WatchedSecret[] {
  const file = env[`${name}_FILE`];
  return file === undefined || file === "" || ring === undefined ? [] : [{ name, file, ring }];
}

/** The rules see to it that all four are set, or none. */
function tlsConfig({ TLS_CERT_FILE, TLS_KEY_FILE, TLS_CA_FILE, TLS_PEERS }: RuntimeValues): TlsConfig | undefined {
  if (TLS_CERT_FILE === undefined || TLS_KEY_FILE === undefined) return undefined;
  if (TLS_CA_FILE === undefined || TLS_PEERS === undefined) return undefined;
  return { files: { cert: TLS_CERT_FILE, key: TLS_KEY_FILE, ca: TLS_CA_FILE }, peers: TLS_PEERS };
}

function surfaceConfig(values: RuntimeValues, surface: string): SurfaceConfig {
  const own = surfaceValues(values, surface);
  return {
    rule: own.AUTH ?? authMode(values),
    apiKeys: own.API_KEYS,
    seesPersonalData: own.PERSONAL_DATA === "shown",
    currency: own.CURRENCY,
    port: own.PORT,
  };
}
