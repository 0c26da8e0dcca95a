import type { Problem } from "./config-error.ts";
import type { Rule } from "./load-config.ts";
import { type RuntimeValues, runtimeOptions } from "./runtime-options.ts";

type MeshRule = Rule<typeof runtimeOptions>;

const tlsFiles = ["TLS_CERT_FILE", "TLS_KEY_FILE", "TLS_CA_FILE"] as const;

/** What holds between the options of a process in the mesh: certificates, registry, the gateway's word. */
export const meshRules: readonly MeshRule[] = [
  ...[...tlsFiles, "TLS_PEERS" as const].map(
    (name): MeshRule => ({
      names: [...tlsFiles, "TLS_PEERS"],
      check(values) {
        const given = [...tlsFiles, "TLS_PEERS" as const].find((other) => values[other] !== undefined);
        return given === undefined || values[name] !== undefined ? undefined : unset(name, `${given} is set`);
      },
    }),
  ),
  {
    names: ["AUTH", "TLS_CERT_FILE"],
    check: ({ AUTH, TLS_CERT_FILE }) =>
      AUTH === "open" && TLS_CERT_FILE !== undefined
        ? {
            name: "AUTH",
            what: "open would make everybody whom a peer lets through an administrator",
            allowed: "allowed: AUTH=jwt, or no TLS_CERT_FILE",
          }
        : undefined,
  },
  needs("DATABASE_TLS", "DATABASE_URL"),
  needs("DATABASE_TLS", "TLS_CERT_FILE"),
  {
    names: ["DATABASE_TLS", "DATABASE_URL"],
    check: ({ DATABASE_TLS, DATABASE_URL }) =>
      DATABASE_TLS === "true" && DATABASE_URL !== undefined && new URL(DATABASE_URL).searchParams.has("sslmode")
        ? { name: "DATABASE_URL", what: "has sslmode, and DATABASE_TLS is true", allowed: "allowed: one of them" }
        : undefined,
  },
  needs("MESH_REGISTRY", "NATS_URL"),
  {
    names: ["MESH_REGISTRY", "HOST", "ADVERTISE_HOST"],
    check: ({ MESH_REGISTRY, HOST, ADVERTISE_HOST }) =>
      MESH_REGISTRY === "true" && ADVERTISE_HOST === undefined && /^(0\.0\.0\.0|\[?::\]?)$/.test(HOST)
        ? unset("ADVERTISE_HOST", `nobody can call ${HOST}, which MESH_REGISTRY would register`)
        : undefined,
  },
  {
    names: ["SERVICE_TOKEN_SECRET", "JWT_SECRET"],
    check: ({ SERVICE_TOKEN_SECRET = [], JWT_SECRET = [] }) =>
      SERVICE_TOKEN_SECRET.some((secret) => JWT_SECRET.includes(secret))
        ? {
            name: "SERVICE_TOKEN_SECRET",
            what: "is JWT_SECRET, too: whoever issues tokens could act as the gateway",
            allowed: "allowed: a secret of its own",
          }
        : undefined,
  },
];

type FlagOption = "DATABASE_TLS" | "MESH_REGISTRY";

function needs(flag: FlagOption, name: keyof RuntimeValues & keyof typeof runtimeOptions): MeshRule {
  return {
    names: [flag, name],
    check: (values) =>
      values[flag] === "true" && values[name] === undefined ? unset(name, `${flag} is true`) : undefined,
  };
}

function unset(name: keyof typeof runtimeOptions, why: string): Problem {
  return { name, what: `is unset, and ${why}`, allowed: `allowed: ${runtimeOptions[name].schema.description}` };
}
