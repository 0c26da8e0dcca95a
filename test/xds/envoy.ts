import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer as createNetServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toJson } from "@bufbuild/protobuf";
import { bootstrap } from "envoy-config-tools/builders/bootstrap.ts";
import { BootstrapSchema } from "envoy-config-tools/gen/envoy/config/bootstrap/v3/bootstrap_pb";
import { envoyTypes } from "envoy-config-tools/types.ts";
import type { Protocol } from "envoy-config-tools/xds/session.ts";
import { type ServerProcess, startServer } from "../../tools/components/process.ts";
import { envoyProgram } from "../../tools/components/programs.ts";
import { temporaryDirectory } from "../support/temporary.ts";

export interface EnvoyOptions {
  readonly protocol: Protocol;
  readonly controlPlanePort: number;
  readonly node?: string;
}

/** A real Envoy that gets everything over ADS. */
export interface RunningEnvoy extends ServerProcess {
  readonly adminPort: number;
  /** Value of a counter or gauge; 0 for one that Envoy has not made yet. */
  stat(name: string): Promise<number>;
}

/** Starts Envoy; it answers on its admin port, with or without a control plane. */
export async function startEnvoy({ protocol, controlPlanePort, node = "test" }: EnvoyOptions): Promise<RunningEnvoy> {
  const directory = temporaryDirectory("envoy");
  mkdirSync(directory, { recursive: true });
  const adminPort = await freePort();
  const config = bootstrap({
    node: { id: node, cluster: "tests" },
    admin: { port: adminPort },
    controlPlane: { protocol, endpoints: [{ address: "127.0.0.1", port: controlPlanePort }] },
  });
  const file = join(directory, "bootstrap.json");
  writeFileSync(file, JSON.stringify(toJson(BootstrapSchema, config, { registry: envoyTypes })));
  const server = await startServer({
    command: envoyProgram(),
    args: ["-c", file, "--concurrency", "1", "--use-dynamic-base-id", "--log-level", "warning"],
    logFile: join(directory, "envoy.log"),
    orphanSignal: "KILL",
    ready: () => answers(`http://127.0.0.1:${adminPort}/server_info`),
  });
  return {
    ...server,
    adminPort,
    async stat(name) {
      const reply = await fetch(`http://127.0.0.1:${adminPort}/stats?filter=^${name}$`);
      return Number((await reply.text()).split(": ")[1] ?? 0);
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

export async function freePort(): Promise<number> {
  const server = createNetServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export interface Backend extends AsyncDisposable {
  readonly port: number;
}

/** An HTTP/1.1 server that answers every request with its name, one for /slow after a while. */
export async function startBackend(name: string): Promise<Backend> {
  const server: Server = createServer((request, response) => {
    setTimeout(() => response.end(name), request.url === "/slow" ? 200 : 0);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What a request is answered: status and body, or why there is none. */
export async function get(port: number): Promise<string> {
  try {
    const reply = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
    return `${reply.status} ${await reply.text()}`;
  } catch (error) {
    return error instanceof Error ? `${error.message}: ${String(error.cause)}` : String(error);
  }
}

/** Waits for a condition; throws with its name when it does not come true in ten seconds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not in ten seconds: ${what}`);
    await sleep(20);
  }
}

export interface Traffic {
  readonly answers: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

/** Requests one after another, all the time, each answer counted. */
export function traffic(port: number): Traffic {
  const counts = new Map<string, number>();
  let running = true;
  const done = (async () => {
    while (running) {
      const answer = await get(port);
      counts.set(answer, (counts.get(answer) ?? 0) + 1);
    }
  })();
  return {
    answers: counts,
    async stop() {
      running = false;
      await done;
    },
  };
}
