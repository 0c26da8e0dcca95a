import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Bootstrap } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { BootstrapSchema } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { renderJson } from "../render/render.ts";
import { requireEnvoy } from "./envoy.ts";
import { temporaryFolder } from "./temporary.ts";

export interface RunningEnvoy {
  /** Base URL of a listener that listens on port 0 of 127.0.0.1. */
  url(listener: string): string;
  /** What Envoy has written to standard output. */
  output(): string;
}

/** Starts Envoy and waits until it takes connections. It ends with the test. */
export async function runEnvoy(bootstrap: Bootstrap): Promise<RunningEnvoy> {
  const folder = temporaryFolder();
  const [config, address] = [join(folder, "bootstrap.json"), join(folder, "admin")];
  writeFileSync(config, renderJson(BootstrapSchema, bootstrap));
  const args = ["--config-path", config, "--admin-address-path", address, "--use-dynamic-base-id"];
  const child = spawn(requireEnvoy(), [...args, "--concurrency", "1", "--log-level", "warning"]);
  const output = { log: "", lines: "" };
  child.stderr.on("data", (chunk) => {
    output.log += chunk;
  });
  child.stdout.on("data", (chunk) => {
    output.lines += chunk;
  });
  const exited = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const listeners = await Promise.race([
    readyListeners(address),
    exited.then(() => {
      throw new Error(`Envoy ended: ${output.log}`);
    }),
  ]);
  return {
    url(name) {
      const port = listeners.get(name);
      if (port === undefined) throw new Error(`no listener ${name}`);
      return `http://127.0.0.1:${port}`;
    },
    output: () => output.lines,
  };
}

interface ListenerStatus {
  readonly name: string;
  readonly local_address: { readonly socket_address: { readonly port_value: number } };
}

/** Ports by listener, once Envoy says it is ready. */
async function readyListeners(addressFile: string): Promise<ReadonlyMap<string, number>> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const admin = addressIn(addressFile);
    const isReady = admin !== undefined && (await fetch(`http://${admin}/ready`)).status === 200;
    if (!isReady) continue;
    const answer = await fetch(`http://${admin}/listeners?format=json`);
    const { listener_statuses: statuses } = (await answer.json()) as { listener_statuses: readonly ListenerStatus[] };
    return new Map(statuses.map(({ name, local_address }) => [name, local_address.socket_address.port_value]));
  }
}

function addressIn(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8") || undefined;
  } catch {
    return undefined;
  }
}
