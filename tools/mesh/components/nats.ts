import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { connect } from "nats";
import { natsServerProgram } from "../../components/programs.ts";
import { replaceFile } from "../certificates/store.ts";
import type { Component } from "../component.ts";
import { filesOf, type MeshContext, plainEnvironment } from "./context.ts";
import { reasonOf } from "./https.ts";
import { natsConfiguration } from "./nats-configuration.ts";

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
      const listen = { host: "127.0.0.1", port: ports.nats };
      const store = join(layout.nats, "store");
      replaceFile(file, natsConfiguration({ listen, store, files: filesOf(context, "nats"), syncs }));
      // SIGUSR2 is NATS's lame duck mode, which waits for clients to go elsewhere: here is nowhere else.
      return { command: path, args: ["--config", file], env: plainEnvironment(context), stopTimeoutMs: 20_000 };
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
