import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toJsonString } from "@bufbuild/protobuf";
import { peerUri } from "@ordermesh/runtime/tls/peer-name.ts";
import { bootstrap } from "envoy-config-tools/builders/bootstrap.ts";
import { BootstrapSchema } from "envoy-config-tools/gen/envoy/config/bootstrap/v3/bootstrap_pb";
import { certificateFolder } from "envoy-config-tools/mesh/certificate-folder.ts";
import { envoyTypes } from "envoy-config-tools/types.ts";
import { type JWTPayload, SignJWT } from "jose";
import { bound, freePort, startServer } from "../../tools/components/process.ts";
import { envoyProgram } from "../../tools/components/programs.ts";
import { certificateFiles, ensureCertificates } from "../../tools/mesh/certificates/store.ts";
import { startNats } from "../support/nats.ts";
import { temporaryDirectory } from "../support/temporary.ts";

export const jwtSecret = "the-secret-of-tokens-in-the-tests-of-the-mesh";
const servicesSecret = "the-secret-of-services-in-the-tests-of-the-mesh";

/** A small real mesh: NATS, order, gateway and control plane as processes, Envoy before and between them, mTLS everywhere. */
export interface TestMesh {
  /** `https://localhost:<port>`, whose certificate `ca` vouches for. */
  readonly url: string;
  readonly edgePort: number;
  /** Of Envoy. */
  readonly adminPort: number;
  readonly insidePort: number;
  readonly orderPort: number;
  readonly ca: string;
  /** Folder of all certificates. */
  readonly certs: string;
  /** Lines of Envoy's standard output: the access log. */
  envoyLog(): string;
  /** Starts one more instance of the order service, on the same database. */
  addOrder(): Promise<TestService>;
  /** Ends the control plane and starts it again on its ports. */
  restartControlPlane(): Promise<void>;
  stop(): Promise<void>;
}

export interface TestService {
  readonly port: number;
  /** Signals the process and waits for its end. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts one; `env` goes to every service. Stop it in `afterAll`. */
export async function startMesh(env: Readonly<Record<string, string>> = {}): Promise<TestMesh> {
  const directory = temporaryDirectory("mesh");
  const certs = join(directory, "certs");
  await ensureCertificates(certs);
  const nats = await startNats();
  const [edgePort, insidePort, xdsPort, adminPort] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const stops: (() => Promise<void>)[] = [() => nats.stop()];
  const stop = async () => {
    for (const one of stops.reverse()) await one();
  };
  const service = async (name: string, peers: string, own: Readonly<Record<string, string>> = {}) => {
    const { cert, key, ca } = certificateFiles(certs, name);
    const started = await startService(name, {
      PORT: "0",
      DATA_DIR: join(directory, name),
      NATS_URL: nats.url,
      AUTH: "jwt",
      JWT_SECRET: jwtSecret,
      JWT_ISSUER: "shop",
      JWT_AUDIENCE: "ordermesh",
      SERVICE_TOKEN_SECRET: servicesSecret,
      MESH_REGISTRY: "true",
      TLS_CERT_FILE: cert,
      TLS_KEY_FILE: key,
      TLS_CA_FILE: ca,
      TLS_PEERS: peers,
      ...env,
      ...own,
    });
    stops.push(() => started.stop());
    return started;
  };

  try {
    const controlPlane = () =>
      service("mesh", "envoy", {
        MESH_XDS_PORT: String(xdsPort),
        MESH_EDGE_PORT: String(edgePort),
        MESH_LISTENER_PORT: String(insidePort),
        MESH_ENVOY_CERTS_DIR: certs,
      });
    const addOrder = () => service("order", "envoy");
    const starting = [addOrder(), controlPlane()] as const;
    const envoy = await startEnvoy({ directory, certs, xdsPort, adminPort });
    stops.push(envoy.stop);
    const gateway = service("gateway", "envoy", {
      ORDER_URL: `https://127.0.0.1:${insidePort}`,
      ORDER_PEER: "envoy",
    });
    const [order, control] = await Promise.all([...starting, gateway]);
    await untilRouted(adminPort, 6);
    let running = control;
    return {
      url: `https://localhost:${edgePort}`,
      edgePort,
      adminPort,
      insidePort,
      orderPort: order.port,
      certs,
      ca: readFileSync(join(certs, "ca.crt"), "utf8"),
      envoyLog: () => readFileSync(envoy.logFile, "utf8"),
      addOrder,
      async restartControlPlane() {
        await running.stop();
        running = await controlPlane();
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A token as the shop issues it; claims that are undefined are left out. */
export async function token(
  claims: JWTPayload & Readonly<Record<string, unknown>> = {},
  secret = jwtSecret,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const payload = { iss: "shop", aud: "ordermesh", sub: "7", exp: now + 300, ...claims };
  return await new SignJWT(payload).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret));
}

async function startService(role: string, env: Readonly<Record<string, string>>): Promise<TestService> {
  const main = join(import.meta.dirname, "../../services/main.ts");
  const [command, args] = bound("KILL", process.execPath, [main, "--services", role]);
  const inherited = Object.fromEntries(["PATH", "HOME", "TMPDIR"].map((name) => [name, process.env[name]]));
  const child = spawn(command, args, { env: { ...inherited, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stderr.on("data", (chunk) => {
    output += chunk;
  });
  const ended = once(child, "close");
  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    child.kill(signal);
    await ended;
  };
  const ready = (async () => {
    let said = "";
    for await (const chunk of child.stdout) {
      said += chunk;
      const port = /^ready \S+:(\d+)$/m.exec(said)?.[1];
      if (port !== undefined) return Number(port);
    }
    throw new Error(`${role} did not start:\n${output.slice(-3000)}`);
  })();
  const port = await ready.catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  child.stdout.resume();
  return { port, stop };
}

interface EnvoyPlace {
  readonly directory: string;
  readonly certs: string;
  readonly xdsPort: number;
  readonly adminPort: number;
}

async function startEnvoy({ directory, certs, xdsPort, adminPort }: EnvoyPlace) {
  const folder = certificateFolder(join(certs, "envoy"));
  for (const { path, text } of [...folder.files, ...certificateFolder(join(certs, "edge")).files]) {
    writeFileSync(path, text);
  }
  const config = bootstrap({
    node: { id: "envoy-test", cluster: "test" },
    admin: { port: adminPort },
    controlPlane: {
      endpoints: [{ address: "127.0.0.1", port: xdsPort }],
      tls: {
        certificate: folder.certificate,
        servers: { authorities: folder.authorities, names: [{ type: "uri", exact: peerUri("mesh") }] },
      },
    },
  });
  const file = join(directory, "bootstrap.json");
  writeFileSync(file, toJsonString(BootstrapSchema, config, { registry: envoyTypes }));
  const logFile = join(directory, "envoy.log");
  const server = await startServer({
    command: envoyProgram(),
    args: ["-c", file, "--concurrency", "1", "--use-dynamic-base-id", "--log-level", "warning"],
    logFile,
    orphanSignal: "KILL",
    ready: async () => (await ask(adminPort, "/server_info")) !== undefined,
  });
  return { logFile, stop: () => server.stop() };
}

/** Waits until so many endpoints are healthy in the clusters of the services. */
export async function untilRouted(adminPort: number, endpoints: number): Promise<void> {
  for (const deadline = Date.now() + 60_000; ; ) {
    const clusters = (await ask(adminPort, "/clusters")) ?? "";
    const healthy = clusters.match(/^(?!xds)\S+::health_flags::healthy$/gm)?.length ?? 0;
    if (healthy >= endpoints) return;
    if (Date.now() > deadline) throw new Error(`Envoy does not reach the services:\n${clusters.slice(-2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function ask(adminPort: number, path: string): Promise<string | undefined> {
  try {
    return await (await fetch(`http://127.0.0.1:${adminPort}${path}`)).text();
  } catch {
    return undefined;
  }
}
