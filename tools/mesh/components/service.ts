import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeFlags } from "../../launch/run.mjs";
import type { Component, Running } from "../component.ts";
import { repository } from "../layout.ts";
import { meshOptions } from "../options.ts";
import { defaultIssuer } from "../token.ts";
import { filesOf, type MeshContext } from "./context.ts";
import { askHttps, reasonOf } from "./https.ts";

export interface ServiceOptions {
  /** Role of services/main.ts, and its identity. */
  readonly name: string;
  readonly scalable: boolean;
  /** Who may call it besides us. */
  readonly peers: readonly string[];
  /** Beside what every service gets. */
  readonly env: Readonly<Record<string, string>>;
  readonly upgrade?: () => Promise<void>;
  /** Whether requests reach the instance on this port; asked until they do. */
  readonly isReachable?: (port: number) => Promise<boolean>;
}

/** A stopping service is still asked for so long (milliseconds): its leaving takes some tens of them to reach Envoy. */
const drainDelayMs = 1_500;
const drainTimeoutMs = 10_000;
const pollMs = 50;
/** An instance that nobody reaches after this will not be reached (milliseconds). */
const reachableTimeoutMs = 30_000;

/**
 * Variables that decide what the mesh decides. A surface has no port of its own here: it could be Envoy's peers' alone, and
 * instances side by side cannot share it.
 */
const decided =
  /^(HOST|PORT|DATA_DIR|DATABASE_(URL|TLS)|NATS_URL|ORDER_(URL|PEER)|AUTH|TLS_\w+|SERVICE_TOKEN_SECRET|ADVERTISE_HOST|SURFACE_\w+_PORT|MESH_(REGISTRY|XDS_PORT|LISTENER_HOST|ENVOY_CERTS_DIR))(_FILE)?$/;

/** One of our own services, as a process of its own on a port of its own choice. */
export function serviceComponent(context: MeshContext, options: ServiceOptions): Component {
  const { name, scalable, peers, env, upgrade, isReachable } = options;
  const operator = filesOf(context, "operator");

  return {
    name,
    scalable,
    upgrade,
    launch: async () => ({
      command: process.execPath,
      args: [...nodeFlags, join(repository, "services/main.ts"), "--services", name],
      env: { ...serviceEnvironment(context, name, [...peers, "operator"]), ...env },
      // Paths in the environment are relative to where the mesh was started.
      directory: process.cwd(),
      stopTimeoutMs: drainDelayMs + drainTimeoutMs + 2_000,
    }),
    port: portOf,
    async check(running) {
      const port = portOf(running);
      if (port === undefined) return ["it has not said where it listens"];
      try {
        const reply = await askHttps({ url: `https://127.0.0.1:${port}/readyz`, files: operator, peer: name });
        return reply.status === 200 ? [] : reasonsIn(reply.body);
      } catch (error) {
        return [reasonOf(error)];
      }
    },
    async reachable(running, signal) {
      const port = portOf(running);
      if (isReachable === undefined || port === undefined) return;
      for (const until = performance.now() + reachableTimeoutMs; !(await isReachable(port)); ) {
        if (signal.aborted || performance.now() > until) throw new Error(`nobody reaches ${name} on port ${port}`);
        await sleep(pollMs);
      }
    },
  };
}

/** What every program of ours gets that takes part in the mesh. */
export function serviceEnvironment(
  context: MeshContext,
  identity: string,
  peers: readonly string[],
): NodeJS.ProcessEnv {
  const { environment, secrets, ports, layout } = context;
  const files = filesOf(context, identity);
  const inherited = Object.entries(environment).filter(
    ([variable]) => !decided.test(variable) && !Object.hasOwn(meshOptions, variable),
  );
  const hasJwtKeys = ["JWT_SECRET", "JWT_SECRET_FILE", "JWT_JWKS_URL"].some((variable) => environment[variable]);
  return {
    JWT_ISSUER: defaultIssuer,
    JWT_AUDIENCE: defaultIssuer,
    LOG_FORMAT: "json",
    NODE_COMPILE_CACHE: join(repository, ".cache/compile"),
    ...(hasJwtKeys ? {} : { JWT_SECRET_FILE: secrets.file("jwt") }),
    ...Object.fromEntries(inherited),
    HOST: "127.0.0.1",
    PORT: "0",
    DATA_DIR: layout.root,
    AUTH: "jwt",
    NATS_URL: `tls://127.0.0.1:${ports.nats}`,
    MESH_REGISTRY: "true",
    TLS_CERT_FILE: files.cert,
    TLS_KEY_FILE: files.key,
    TLS_CA_FILE: files.ca,
    TLS_PEERS: peers.join(","),
    SERVICE_TOKEN_SECRET_FILE: secrets.file("service-token"),
    DRAIN_DELAY_MS: String(drainDelayMs),
    DRAIN_TIMEOUT_MS: String(drainTimeoutMs),
  };
}

function portOf(running: Running): number | undefined {
  const port = /^ready \w+:\/\/\S*:(\d+)$/m.exec(running.output())?.[1];
  return port === undefined ? undefined : Number(port);
}

function reasonsIn(body: string): string[] {
  try {
    const { reasons } = JSON.parse(body) as { reasons: { name: string; reason: string }[] };
    return reasons.map(({ name, reason }) => `${name}: ${reason}`);
  } catch {
    return ["it says that it is not ready"];
  }
}
