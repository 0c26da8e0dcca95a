import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { peerUri } from "@ordermesh/runtime/tls/peer-name.ts";
import { connect } from "nats";
import { natsServerProgram } from "../../components/programs.ts";
import { replaceFile } from "../certificates/store.ts";
import type { Component } from "../component.ts";
import { filesOf, type MeshContext } from "./context.ts";
import { reasonOf } from "./https.ts";

/** From this version on an acknowledged message can be one that is on the disk. */
const firstWithSyncAlways = [2, 10] as const;

/**
 * NATS with JetStream on files. Clients are known by their certificates alone: no password goes over the wire or lies in a
 * file.
 */
export function natsComponent(context: MeshContext, say: (line: string) => void): Component {
  const { layout, ports } = context;
  return {
    name: "nats",
    scalable: false,
    launch: async () => {
      const { path, version } = natsServerProgram();
      const syncs = isAtLeast(version, firstWithSyncAlways);
      if (!syncs) {
        say(
          `nats-server ${version.join(".")} syncs every two minutes: a power cut may lose messages it has acknowledged`,
        );
      }
      mkdirSync(layout.nats, { recursive: true, mode: 0o700 });
      const file = join(layout.nats, "nats.conf");
      replaceFile(file, configuration(context, syncs));
      // SIGUSR2 is NATS's lame duck mode, which waits for clients to go elsewhere: here is nowhere else.
      return { command: path, args: ["--config", file], env: process.env, stopTimeoutMs: 20_000 };
    },
    port: () => ports.nats,
    check: async () => {
      const problem = await problemOf(context);
      return problem === undefined ? [] : [problem];
    },
    // It reads certificates anew when it is told to.
    reload: async (running) => void process.kill(running.process.pid, "SIGHUP"),
  };
}

function isAtLeast(
  [major = 0, minor = 0]: readonly number[],
  [wantedMajor, wantedMinor]: readonly [number, number],
): boolean {
  return major === wantedMajor ? minor >= wantedMinor : major > wantedMajor;
}

/** Every stream and consumer of JetStream, and the answers. */
const jetStream = ["$JS.API.>", "$JS.ACK.>", "$JS.FC.>", "_INBOX.>"];
/** What registering and watching instances needs. */
const registry = ["$JS.API.INFO", "$JS.API.STREAM.*.KV_MESH_REGISTRY", "$JS.API.DIRECT.GET.KV_MESH_REGISTRY.>"];
const registryStream = ["$JS.API.STREAM.MSG.GET.KV_MESH_REGISTRY", "$KV.MESH_REGISTRY.>", "_INBOX.>"];

/** What each identity may publish; all may hear their own answers and what they ask a stream for. */
const rights: Readonly<Record<string, readonly string[]>> = {
  order: [...jetStream, "seckill.>", "ordermesh.>", "dlq.>", "$KV.MESH_REGISTRY.>"],
  gateway: [...registry, ...registryStream],
  mesh: [...registry, ...registryStream],
  operator: [">"],
};

/**
 * NATS's own acknowledgement says that a message is in the system's page cache; by default it is on the disk up to two minutes
 * later. Our outbox forgets an event once it is acknowledged, so the acknowledgement has to mean the disk.
 */
function configuration(context: MeshContext, syncs: boolean): string {
  const { layout, ports } = context;
  const { cert, key, ca } = filesOf(context, "nats");
  const text = (value: string) => JSON.stringify(value);
  const users = Object.entries(rights).map(([name, subjects]) => {
    const heard = name === "operator" ? [">"] : ["_INBOX.>", "$KV.MESH_REGISTRY.>"];
    const permissions = `{ publish: ${JSON.stringify(subjects)}, subscribe: ${JSON.stringify(heard)} }`;
    return `    { user: ${text(peerUri(name))}, permissions: ${permissions} }`;
  });
  return `server_name: ordermesh
listen: "127.0.0.1:${ports.nats}"
max_payload: 1MB
jetstream {
  store_dir: ${text(join(layout.nats, "store"))}
${syncs ? "  sync_interval: always\n" : ""}}
tls {
  cert_file: ${text(cert)}
  key_file: ${text(key)}
  ca_file: ${text(ca)}
  verify_and_map: true
  timeout: 5
}
authorization {
  users: [
${users.join("\n")}
  ]
}
`;
}

/** Connects as the operator and asks JetStream. */
async function problemOf(context: MeshContext): Promise<string | undefined> {
  const { cert, key, ca } = filesOf(context, "operator");
  const servers = `127.0.0.1:${context.ports.nats}`;
  const tls = { certFile: cert, keyFile: key, caFile: ca };
  try {
    const connection = await connect({ servers, tls, reconnect: false, timeout: 2_000, noAsyncTraces: true });
    try {
      await (await connection.jetstreamManager({ timeout: 2_000 })).getAccountInfo();
      return undefined;
    } finally {
      await connection.close();
    }
  } catch (error) {
    return reasonOf(error) || "it does not answer";
  }
}
