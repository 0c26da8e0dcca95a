import { isLoopback } from "../auth/loopback.ts";
import type { Problem } from "./config-error.ts";
import type { Rule } from "./load-config.ts";
import { meshRules } from "./mesh-rules.ts";
import { authMode, isEmbedded, jwtOptions } from "./runtime-auth.ts";
import {
  type RuntimeValues,
  runtimeOptions,
  surfaceOptions,
  surfaceValues,
  surfaceVariable,
} from "./runtime-options.ts";

type RuntimeRule = Rule<typeof runtimeOptions>;

/** What holds between the options of a process that serves these surfaces. */
export function runtimeRules(surfaces: readonly string[]): RuntimeRule[] {
  const authNames = [
    "AUTH",
    "HOST",
    "DATABASE_URL",
    "NATS_URL",
    "TLS_CERT_FILE",
    ...surfaces.map((name) => surfaceVariable(name, "AUTH")),
  ];

  /** Why tokens must be verifiable, or undefined when nobody has to bring one. */
  function tokensWanted(values: RuntimeValues): string | undefined {
    if (values.AUTH === "jwt") return "AUTH is jwt";
    if (authMode(values) === "jwt") {
      if (!isEmbedded(values)) return "AUTH is jwt unless embedded";
      return `AUTH is jwt because ${isLoopback(values.HOST) ? "TLS_CERT_FILE is set" : "HOST is not loopback"}`;
    }
    const surface = surfaces.find((name) => surfaceValues(values, name).AUTH === "jwt");
    return surface === undefined ? undefined : `${surfaceVariable(surface, "AUTH")} is jwt`;
  }

  const needed = (name: "JWT_ISSUER" | "JWT_AUDIENCE"): RuntimeRule => ({
    names: [...authNames, name],
    check(values) {
      const why = tokensWanted(values);
      if (why === undefined || values[name] !== undefined) return undefined;
      return { name, what: `is unset, and ${why}`, allowed: `allowed: ${runtimeOptions[name].schema.description}` };
    },
  });

  return [
    ...meshRules,
    {
      names: ["AUTH", "HOST"],
      check: ({ AUTH, HOST }) =>
        AUTH === "open" && !isLoopback(HOST)
          ? {
              name: "AUTH",
              what: `open would make everybody who reaches ${HOST} an administrator`,
              allowed: "allowed: AUTH=jwt, or HOST=127.0.0.1",
            }
          : undefined,
    },
    {
      names: [...authNames, "JWT_SECRET", "JWT_JWKS_URL"],
      check(values) {
        const why = tokensWanted(values);
        if (values.JWT_SECRET !== undefined && values.JWT_JWKS_URL !== undefined) {
          return { name: "JWT_SECRET", what: "is set, and so is JWT_JWKS_URL", allowed: "allowed: one of them" };
        }
        if (why === undefined || jwtOptions(values) !== undefined) return undefined;
        return {
          name: "JWT_SECRET",
          what: `is unset, and ${why}`,
          allowed: `allowed: JWT_SECRET or JWT_SECRET_FILE (${runtimeOptions.JWT_SECRET.schema.description}), or JWT_JWKS_URL`,
        };
      },
    },
    needed("JWT_ISSUER"),
    needed("JWT_AUDIENCE"),
    notAbove("DEFAULT_TIMEOUT_MS", "MAX_TIMEOUT_MS"),
    notAbove("DB_LOCK_TIMEOUT_MS", "DB_STATEMENT_TIMEOUT_MS"),
    // A message delivered again after its inbox row has gone would take effect twice.
    notAbove("STREAM_RETENTION_DAYS", "INBOX_RETENTION_DAYS"),
    notAbove("DEAD_LETTER_RETENTION_DAYS", "INBOX_RETENTION_DAYS"),
    ...surfaces.map(apiKeysRule),
    portsRule(surfaces),
  ];
}

type NumberOption = { [K in keyof RuntimeValues]: RuntimeValues[K] extends number ? K : never }[keyof RuntimeValues];

function notAbove(name: NumberOption, limit: NumberOption): RuntimeRule {
  return {
    names: [name, limit],
    check: (values) =>
      values[name] > values[limit]
        ? { name, what: `${values[name]} is more than ${limit}`, allowed: `allowed: at most ${values[limit]}` }
        : undefined,
  };
}

function apiKeysRule(surface: string): RuntimeRule {
  const name = surfaceVariable(surface, "API_KEYS");
  return {
    names: [name, surfaceVariable(surface, "AUTH")],
    check(values) {
      const { AUTH, API_KEYS } = surfaceValues(values, surface);
      if (AUTH !== "apikey" || API_KEYS.length > 0) return undefined;
      const allowed = `allowed: ${surfaceOptions.API_KEYS.schema.description}`;
      return { name, what: `is unset, and ${surfaceVariable(surface, "AUTH")} is apikey`, allowed };
    },
  };
}

/** No two listeners on one port; 0 is a port of its own each time. */
function portsRule(surfaces: readonly string[]): RuntimeRule {
  const names = ["PORT", ...surfaces.map((surface) => surfaceVariable(surface, "PORT"))];
  return {
    names,
    check(values) {
      const all: Readonly<Record<string, unknown>> = values;
      const taken = new Map<unknown, string>();
      for (const name of names) {
        const port = all[name];
        const other = taken.get(port);
        if (other !== undefined) return portTaken(name, port, other);
        if (port !== undefined && port !== 0) taken.set(port, name);
      }
      return undefined;
    },
  };
}

function portTaken(name: string, port: unknown, other: string): Problem {
  return { name, what: `${port} is ${other}, too`, allowed: "allowed: a port of its own" };
}
