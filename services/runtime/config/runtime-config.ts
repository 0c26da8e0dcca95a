import type { ApiKey } from "../auth/api-keys.ts";
import type { AuthMode } from "../auth/authenticator.ts";
import type { JwtOptions } from "../auth/jwt.ts";
import type { SurfaceRule } from "../auth/surface-auth.ts";
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

export interface RuntimeConfig<E extends ConfigDefinition = Record<never, never>> {
  /** Every option by its variable's name; AUTH and LOG_FORMAT as they are in effect. */
  readonly values: RuntimeValues &
    ConfigValues<E> & { readonly AUTH: AuthMode; readonly LOG_FORMAT: "pretty" | "json" };
  /** No database server and no broker: everything in DATA_DIR. */
  readonly embedded: boolean;
  readonly auth: AuthMode;
  /** Undefined where no keys are configured. */
  readonly jwt: JwtOptions | undefined;
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
  return {
    values: values as RuntimeConfig<E>["values"],
    embedded,
    auth,
    jwt: jwtOptions(loaded),
    surfaces: Object.fromEntries(surfaces.map((surface) => [surface, surfaceConfig(loaded, surface)])),
    definition,
  };
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
